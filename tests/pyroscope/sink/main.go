// Command sink is a server for tests: it takes pushes, refuses them and answers queries as Pyroscope v2.2.1 does.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"pyro.test/pyroscope/internal/server"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "sink:", err)
		os.Exit(1)
	}
}

type options struct {
	server.Config
	listen, cert, key, clientCA string
}

func parse() options {
	var o options
	flag.StringVar(&o.listen, "listen", "127.0.0.1:0", "address and port, or unix:/path; port 0 is any free one")
	flag.StringVar(&o.cert, "tls-cert", "", "PEM file: serve TLS with this certificate")
	flag.StringVar(&o.key, "tls-key", "", "PEM file: its key")
	flag.StringVar(&o.clientCA, "client-ca", "", "PEM file: take only clients with a certificate of this authority")
	flag.StringVar(&o.BasicAuth, "basic-auth", "", "user:password that services ask for")
	flag.StringVar(&o.Token, "token", "", "bearer token that services ask for; with -basic-auth either will do")
	flag.BoolVar(&o.Multitenant, "multitenant", false, "ask for X-Scope-OrgID, and keep tenants apart")
	flag.StringVar(&o.Prefix, "prefix", "", "serve below this path, such as /some/path")
	flag.BoolVar(&o.NoRateLimit, "no-rate-limit", false, "take any number of bytes a second")
	flag.StringVar(&o.Journal, "store", "", "file of the accepted profiles; a sink that is started with it again has them again")
	flag.Parse()
	return o
}

func run() error {
	o := parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	handler, err := server.New(o.Config)
	if err != nil {
		return err
	}
	defer func() { _ = handler.Close() }()
	listener, url, err := listen(o)
	if err != nil {
		return err
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()

	web := &http.Server{Handler: handler, ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	fmt.Println("listening on", url)
	select {
	case err := <-failed:
		return err
	case <-stop.Done():
	}
	// What is under way is finished; a client that goes on sending is cut off.
	grace, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	if err := web.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func listen(o options) (net.Listener, string, error) {
	network, address := "tcp", o.listen
	if path, unix := strings.CutPrefix(o.listen, "unix:"); unix {
		network, address = "unix", path
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // of a sink that was killed
			return nil, "", err
		}
	}
	settings, err := tlsSettings(o)
	if err != nil {
		return nil, "", err
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		return nil, "", err
	}
	url := "http://" + listener.Addr().String()
	if network == "unix" {
		url = o.listen
	}
	if settings != nil {
		listener = tls.NewListener(listener, settings)
		url = strings.Replace(url, "http://", "https://", 1)
	}
	return listener, url, nil
}

func tlsSettings(o options) (*tls.Config, error) {
	if o.cert == "" && o.key == "" && o.clientCA == "" {
		return nil, nil
	}
	certificate, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return nil, err
	}
	settings := &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	if o.clientCA != "" {
		pem, err := os.ReadFile(o.clientCA)
		if err != nil {
			return nil, err
		}
		settings.ClientCAs = x509.NewCertPool()
		if !settings.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: no certificate", o.clientCA)
		}
		settings.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return settings, nil
}
