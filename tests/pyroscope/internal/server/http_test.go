package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"connectrpc.com/connect"
	pushv1 "github.com/grafana/pyroscope/api/gen/proto/go/push/v1"
	querierv1 "github.com/grafana/pyroscope/api/gen/proto/go/querier/v1"
)

const pushMethod = "/push.v1.PusherService/Push"

func (s *sink) body() []byte {
	message := &pushv1.PushRequest{Series: []*pushv1.RawProfileSeries{{
		Labels: ride(), Samples: []*pushv1.RawSample{{RawProfile: s.encode(s.cpuProfile(st(1e7, "main")))}},
	}}}
	body, err := message.MarshalVT()
	if err != nil {
		s.t.Fatal(err)
	}
	return body
}

func TestContentTypes(t *testing.T) {
	s := start(t, Config{})
	body := s.body()
	raw := base64.StdEncoding.EncodeToString(s.encode(s.cpuProfile(st(1e7, "main"))))
	text := fmt.Sprintf(`{"series":[{"labels":[{"name":"__name__","value":"process_cpu"}],"samples":[{"rawProfile":%q,"ID":"x"}]}]}`, raw)
	for _, test := range []struct {
		kind string
		body []byte
		want int
	}{
		{"application/proto", body, 200},
		{"application/json", []byte(text), 200},
		{"application/x-protobuf", body, 415},
		{"application/protobuf", body, 415},
		{"application/proto; charset=utf-8", body, 415},
		{"application/octet-stream", body, 415},
		{"", body, 415},
		{"application/proto", []byte("\xff\xff\xff"), 400},
		{"application/json", []byte("{"), 400},
	} {
		if status, answer := s.post(pushMethod, test.body, "Content-Type", test.kind); status != test.want {
			t.Errorf("%q: %d %s, want %d", test.kind, status, answer, test.want)
		}
		if last := s.last(); last.Status != test.want || last.Headers["Content-Type"] != test.kind {
			t.Errorf("%q was recorded as %d", test.kind, last.Status)
		}
	}
	if status, answer := s.post(pushMethod, body, "Content-Type", "application/proto", "Accept", "a/b/c"); status != 400 {
		t.Errorf("a malformed Accept: %d %s", status, answer)
	}
}

func TestGzippedRequest(t *testing.T) {
	s := start(t, Config{})
	plain := s.body()
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write(plain)
	_ = w.Close()
	if status, answer := s.post(pushMethod, zipped.Bytes(), "Content-Type", "application/proto", "Content-Encoding", "gzip"); status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	if total, _ := s.flame("{}"); total != 1e7 {
		t.Errorf("%d ns", total)
	}
	if last := s.last(); last.WireBytes != int64(zipped.Len()) || last.Headers["Content-Encoding"] != "gzip" {
		t.Errorf("recorded: %+v", last)
	}
	if status, _ := s.post(pushMethod, plain, "Content-Type", "application/proto", "Content-Encoding", "br"); status != 501 {
		t.Errorf("an encoding that isn't known: %d", status)
	}
}

func TestErrorBody(t *testing.T) {
	s := start(t, Config{})
	_, text := s.post(pushMethod, nil, "Content-Type", "application/proto")
	var body map[string]string
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"code": "invalid_argument", "message": "no profiles received"}; !reflect.DeepEqual(body, want) {
		t.Errorf("got %v", body)
	}
	if last := s.last(); last.Code != "invalid_argument" || last.Error != "no profiles received" || last.Status != 400 {
		t.Errorf("recorded: %+v", last)
	}
}

func TestTenants(t *testing.T) {
	s := start(t, Config{Multitenant: true})
	raw := s.encode(s.cpuProfile(st(1e7, "main")))
	for _, test := range []struct {
		tenant string
		want   connect.Code
	}{{"one", ok}, {"two", ok}, {"two", ok}, {"", connect.CodeUnauthenticated}, {"one|two", connect.CodeUnauthenticated}, {"a b", connect.CodeUnauthenticated}} {
		var headers []string
		if test.tenant != "" {
			headers = []string{tenantHeader, test.tenant}
		}
		if got := codeOf(s.send(ride(), [][]byte{raw}, headers...)); got != test.want {
			t.Errorf("%q: %v", test.tenant, got)
		}
	}
	if status, text := s.post(pushMethod, s.body(), "Content-Type", "application/proto"); status != 401 || !strings.Contains(text, "unauthenticated") {
		t.Errorf("without a tenant: %d %s", status, text)
	}
	for tenant, ns := range map[string]int64{"one": 1e7, "two": 2e7, "one|two": 3e7, "three": 0} {
		request := connect.NewRequest(s.request("{}"))
		request.Header().Set(tenantHeader, tenant)
		r, err := s.query.SelectMergeStacktraces(context.Background(), request)
		if err != nil || r.Msg.Flamegraph.Total != ns {
			t.Errorf("%s: %v %v", tenant, r, err)
		}
	}
	if _, err := s.query.SelectMergeStacktraces(context.Background(), connect.NewRequest(s.request("{}"))); codeOf(err) != connect.CodeUnauthenticated {
		t.Errorf("a query without a tenant: %v", err)
	}
	single := start(t, Config{})
	if err := single.send(ride(), [][]byte{raw}, tenantHeader, "ignored"); err != nil {
		t.Error(err)
	}
	if total, _ := single.flame("{}"); total != 1e7 {
		t.Errorf("a server of one tenant has %d ns", total)
	}
}

func TestAuthentication(t *testing.T) {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("user:secret"))
	for _, test := range []struct {
		config Config
		header string
		want   int
	}{
		{Config{BasicAuth: "user:secret"}, basic, 200},
		{Config{BasicAuth: "user:secret"}, "", 401},
		{Config{BasicAuth: "user:other"}, basic, 401},
		{Config{BasicAuth: "user:secret"}, "Bearer user:secret", 401},
		{Config{Token: "t"}, "Bearer t", 200},
		{Config{Token: "t"}, "Bearer ", 401},
		{Config{Token: "t"}, basic, 401},
		{Config{Token: "t", BasicAuth: "user:secret"}, basic, 200},
	} {
		s := start(t, test.config)
		status, text := s.post(pushMethod, s.body(), "Content-Type", "application/proto", "Authorization", test.header)
		if status != test.want {
			t.Errorf("%+v %q: %d %s", test.config, test.header, status, text)
		}
		last := s.last() // which needs no authentication
		if last.Authorization != (test.header != "") || last.Headers["Authorization"] != "" || last.Status != test.want {
			t.Errorf("recorded: %+v", last)
		}
		if status, _ := s.post("/querier.v1.QuerierService/ProfileTypes", []byte("{}"), "Content-Type", "application/json", "Authorization", test.header); status != test.want {
			t.Errorf("%+v %q: a query gets %d", test.config, test.header, status)
		}
	}
}

func TestPrefix(t *testing.T) {
	s := start(t, Config{Prefix: "/some/path"})
	s.mustSend(ride(), s.cpuProfile(st(1e7, "main")))
	if total, _ := s.flame("{}"); total != 1e7 {
		t.Errorf("%d ns", total)
	}
	response, err := http.Get(s.url + "/ready")
	if err != nil || response.StatusCode != 200 {
		t.Errorf("ready: %v %v", response, err)
	}
	response, err = http.Get(strings.TrimSuffix(s.url, "/some/path") + "/ready")
	if err != nil || response.StatusCode != 404 {
		t.Errorf("outside of the prefix: %v %v", response, err)
	}
}

func TestRecordedPush(t *testing.T) {
	s := start(t, Config{})
	p := s.cpuProfile(st(1e7, "main", "a"), st(2e7, "main").with("vehicle", "car"))
	p.Comments = []string{"pyro"}
	if err := s.send(ride("region", "us-east"), [][]byte{s.encode(p)}, "X-Custom", "of a test", "User-Agent", "pyro/1.0"); err != nil {
		t.Fatal(err)
	}
	last := s.last()
	if last.Status != 200 || last.Error != "" || last.Authorization || last.Tenant != defaultTenant || !last.Time.Equal(s.now) {
		t.Errorf("recorded: %+v", last)
	}
	for name, want := range map[string]string{"X-Custom": "of a test", "User-Agent": "pyro/1.0", "Connect-Protocol-Version": "1"} {
		if last.Headers[name] != want {
			t.Errorf("%s: %q", name, last.Headers[name])
		}
	}
	one := last.Profiles[0]
	if one.ID != "an id" || one.Labels["region"] != "us-east" || one.Bytes == 0 || one.Facts.Bytes <= 0 {
		t.Errorf("the profile: %+v", one)
	}
	facts := one.Facts
	facts.Bytes = 0
	want := facts
	want.Samples, want.Sums = 2, map[string]int64{"samples:count": 3, "cpu:nanoseconds": 3e7}
	want.TimeNanos, want.DurationNanos, want.PeriodType, want.Period = p.TimeNanos, 5e9, "cpu:nanoseconds", 10_000_000
	want.Mappings, want.Locations, want.Functions, want.Comments = 1, 2, 2, []string{"pyro"}
	if !reflect.DeepEqual(facts, want) {
		t.Errorf("got %+v, want %+v", facts, want)
	}
	if len(one.Series) != 4 {
		t.Fatalf("series: %+v", one.Series)
	}
	car := one.Series[3]
	if car.Type != cpu || car.Sum != 2e7 || car.Stacks != 1 || car.Labels["vehicle"] != "car" || car.Labels["__name__"] != "" {
		t.Errorf("the last series: %+v", car)
	}
}

func TestUnknownMethods(t *testing.T) {
	s := start(t, Config{})
	_, err := s.query.SelectHeatmap(context.Background(), connect.NewRequest(&querierv1.SelectHeatmapRequest{}))
	if codeOf(err) != connect.CodeUnimplemented {
		t.Errorf("got %v", err)
	}
}
