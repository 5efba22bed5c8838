package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect"
	profilev1 "github.com/grafana/pyroscope/api/gen/proto/go/google/v1"
	pushv1 "github.com/grafana/pyroscope/api/gen/proto/go/push/v1"
	"github.com/grafana/pyroscope/api/gen/proto/go/push/v1/pushv1connect"
	querierv1 "github.com/grafana/pyroscope/api/gen/proto/go/querier/v1"
	"github.com/grafana/pyroscope/api/gen/proto/go/querier/v1/querierv1connect"
	typesv1 "github.com/grafana/pyroscope/api/gen/proto/go/types/v1"
)

// The test program is the command itself where this is set.
const asCommand = "PYRO_TEST_SINK_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type process struct {
	*exec.Cmd
	url string
}

func launch(t *testing.T, arguments ...string) *process {
	t.Helper()
	command := exec.Command(os.Args[0], arguments...)
	command.Env = append(os.Environ(), asCommand+"=1")
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url, found := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !found {
		t.Fatalf("it says %q", line)
	}
	return &process{command, url}
}

func (p *process) end(t *testing.T, how syscall.Signal) {
	t.Helper()
	if err := p.Process.Signal(how); err != nil {
		t.Fatal(err)
	}
	err := p.Wait()
	if how == syscall.SIGTERM && err != nil {
		t.Errorf("it ends with %v", err)
	}
}

func push(t *testing.T, client *http.Client, url string) {
	t.Helper()
	p := &profilev1.Profile{
		StringTable: []string{"", "cpu", "nanoseconds", "main"},
		SampleType:  []*profilev1.ValueType{{Type: 1, Unit: 2}}, PeriodType: &profilev1.ValueType{Type: 1, Unit: 2},
		Sample:   []*profilev1.Sample{{LocationId: []uint64{1}, Value: []int64{5}}},
		Location: []*profilev1.Location{{Id: 1, Line: []*profilev1.Line{{FunctionId: 1}}}},
		Function: []*profilev1.Function{{Id: 1, Name: 3}},
	}
	raw, err := p.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	_, err = pushv1connect.NewPusherServiceClient(client, url).Push(context.Background(), connect.NewRequest(&pushv1.PushRequest{
		Series: []*pushv1.RawProfileSeries{{
			Labels:  []*typesv1.LabelPair{{Name: "__name__", Value: "process_cpu"}},
			Samples: []*pushv1.RawSample{{RawProfile: raw}},
		}},
	}))
	if err != nil {
		t.Fatal(err)
	}
}

func total(t *testing.T, client *http.Client, url string) int64 {
	t.Helper()
	now := time.Now()
	r, err := querierv1connect.NewQuerierServiceClient(client, url).SelectMergeStacktraces(context.Background(),
		connect.NewRequest(&querierv1.SelectMergeStacktracesRequest{
			ProfileTypeID: "process_cpu:cpu:nanoseconds:cpu:nanoseconds", LabelSelector: "{}",
			Start: now.Add(-time.Hour).UnixMilli(), End: now.Add(time.Minute).UnixMilli(),
		}))
	if err != nil {
		t.Fatal(err)
	}
	return r.Msg.Flamegraph.Total
}

func TestKilledAndStartedAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "profiles")
	sum := int64(0)
	for _, how := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT} {
		sink := launch(t, "-store", file)
		if got := total(t, http.DefaultClient, sink.url); got != sum {
			t.Errorf("it has %d ns, want %d", got, sum)
		}
		push(t, http.DefaultClient, sink.url)
		sum += 5
		sink.end(t, how)
	}
}

func TestListen(t *testing.T) {
	for listen, want := range map[string]string{"127.0.0.1:0": "http://127.0.0.1:", "[::1]:0": "http://[::1]:"} {
		sink := launch(t, "-listen", listen)
		if !strings.HasPrefix(sink.url, want) || strings.HasSuffix(sink.url, ":0") {
			t.Errorf("%s: %s", listen, sink.url)
		}
		push(t, http.DefaultClient, sink.url)
		sink.end(t, syscall.SIGTERM)
	}
	path := filepath.Join(t.TempDir(), "socket")
	client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", path)
	}}}
	for _, how := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} { // a killed one leaves its socket behind
		sink := launch(t, "-listen", "unix:"+path)
		if sink.url != "unix:"+path {
			t.Errorf("it says %s", sink.url)
		}
		push(t, client, "http://sink")
		sink.end(t, how)
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	pair, pool := certificate(t, cert, key)

	sink := launch(t, "-tls-cert", cert, "-tls-key", key)
	if !strings.HasPrefix(sink.url, "https://127.0.0.1:") {
		t.Errorf("it says %s", sink.url)
	}
	with := func(settings *tls.Config) *http.Client {
		settings.RootCAs = pool
		return &http.Client{Transport: &http.Transport{TLSClientConfig: settings}}
	}
	push(t, with(&tls.Config{}), sink.url)
	if _, err := http.Get(sink.url + "/ready"); err == nil {
		t.Error("a client that doesn't know the authority is content")
	}
	sink.end(t, syscall.SIGTERM)

	mutual := launch(t, "-tls-cert", cert, "-tls-key", key, "-client-ca", cert)
	push(t, with(&tls.Config{Certificates: []tls.Certificate{pair}}), mutual.url)
	if _, err := with(&tls.Config{}).Get(mutual.url + "/ready"); err == nil {
		t.Error("a client without a certificate is let in")
	}
	mutual.end(t, syscall.SIGTERM)
}

// certificate makes one for 127.0.0.1 that is its own authority.
func certificate(t *testing.T, certFile, keyFile string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certText := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyText := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	for file, text := range map[string][]byte{certFile: certText, keyFile: keyText} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair(certText, keyText)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certText)
	return pair, pool
}

func TestBadOptions(t *testing.T) {
	for _, arguments := range [][]string{
		{"-tls-cert", "nowhere", "-tls-key", "nowhere"}, {"-client-ca", "nowhere"}, {"-listen", "nonsense"}, {"-store", "/nowhere/at/all"}, {"argument"},
	} {
		command := exec.Command(os.Args[0], arguments...)
		command.Env = append(os.Environ(), asCommand+"=1")
		if out, err := command.CombinedOutput(); err == nil || !strings.HasPrefix(string(out), "sink: ") {
			t.Errorf("%v: %v %s", arguments, err, out)
		}
	}
}
