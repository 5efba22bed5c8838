package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/pprof/profile"
	profilev1 "github.com/grafana/pyroscope/api/gen/proto/go/google/v1"
	pushv1 "github.com/grafana/pyroscope/api/gen/proto/go/push/v1"
	"github.com/grafana/pyroscope/api/gen/proto/go/push/v1/pushv1connect"
	querierv1 "github.com/grafana/pyroscope/api/gen/proto/go/querier/v1"
	"github.com/grafana/pyroscope/api/gen/proto/go/querier/v1/querierv1connect"
	typesv1 "github.com/grafana/pyroscope/api/gen/proto/go/types/v1"
)

const cpu = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"

// sink is a server under test with the official clients. Its clock stands still until a test moves it.
type sink struct {
	t      *testing.T
	server *Server
	url    string
	now    time.Time
	push   pushv1connect.PusherServiceClient
	query  querierv1connect.QuerierServiceClient
}

func start(t *testing.T, config Config) *sink {
	t.Helper()
	s := &sink{t: t, now: time.Now().Truncate(time.Second)}
	config.Now = func() time.Time { return s.now }
	var err error
	if s.server, err = New(config); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s.server)
	t.Cleanup(func() {
		web.Close()
		_ = s.server.Close()
	})
	s.url = web.URL + config.Prefix
	s.push = pushv1connect.NewPusherServiceClient(http.DefaultClient, s.url, connect.WithCodec(vtCodec{}))
	s.query = querierv1connect.NewQuerierServiceClient(http.DefaultClient, s.url)
	return s
}

// stack is one sample of the profiles of these tests: its frames from the root on, CPU time, and string labels in pairs.
type stack struct {
	frames []string
	ns     int64
	labels []string
}

func st(ns int64, frames ...string) stack { return stack{frames: frames, ns: ns} }

func (s stack) with(labels ...string) stack {
	s.labels = labels
	return s
}

// cpuProfile is what pyro sends: samples and CPU time, with a mapping.
func (s *sink) cpuProfile(stacks ...stack) *profile.Profile {
	p := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}},
		PeriodType: &profile.ValueType{Type: "cpu", Unit: "nanoseconds"}, Period: 10_000_000,
		TimeNanos: s.now.Add(-time.Minute).UnixNano(), DurationNanos: 5e9,
		Mapping: []*profile.Mapping{{ID: 1, File: "/usr/bin/ride", HasFunctions: true}},
	}
	known := map[string]*profile.Location{}
	for _, each := range stacks {
		sample := &profile.Sample{Value: []int64{each.ns / p.Period, each.ns}, Label: map[string][]string{}}
		for i := len(each.frames) - 1; i >= 0; i-- {
			name := each.frames[i]
			if known[name] == nil {
				f := &profile.Function{ID: uint64(len(p.Function) + 1), Name: name, Filename: name + ".cpp"}
				p.Function = append(p.Function, f)
				known[name] = &profile.Location{ID: f.ID, Mapping: p.Mapping[0], Line: []profile.Line{{Function: f, Line: 7}}}
				p.Location = append(p.Location, known[name])
			}
			sample.Location = append(sample.Location, known[name])
		}
		for i := 0; i < len(each.labels); i += 2 {
			sample.Label[each.labels[i]] = append(sample.Label[each.labels[i]], each.labels[i+1])
		}
		p.Sample = append(p.Sample, sample)
	}
	return p
}

func (s *sink) encode(p *profile.Profile) []byte {
	s.t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		s.t.Fatal(err)
	}
	return b.Bytes()
}

// broken encodes a profile with a mistake that the official writer wouldn't make.
func (s *sink) broken(p *profile.Profile, mistake func(*profilev1.Profile)) []byte {
	s.t.Helper()
	var b bytes.Buffer
	if err := p.WriteUncompressed(&b); err != nil {
		s.t.Fatal(err)
	}
	message := new(profilev1.Profile)
	if err := message.UnmarshalVT(b.Bytes()); err != nil {
		s.t.Fatal(err)
	}
	mistake(message)
	raw, err := message.MarshalVT()
	if err != nil {
		s.t.Fatal(err)
	}
	return raw
}

func labels(pairs ...string) []*typesv1.LabelPair {
	var out []*typesv1.LabelPair
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, &typesv1.LabelPair{Name: pairs[i], Value: pairs[i+1]})
	}
	return out
}

// ride is a series' labels with the two that a server wants, and more.
func ride(more ...string) []*typesv1.LabelPair {
	return labels(append([]string{"__name__", "process_cpu", "service_name", "ride"}, more...)...)
}

// send pushes raw profiles in one series, with headers in pairs.
func (s *sink) send(ls []*typesv1.LabelPair, raws [][]byte, headers ...string) error {
	one := &pushv1.RawProfileSeries{Labels: ls}
	for _, raw := range raws {
		one.Samples = append(one.Samples, &pushv1.RawSample{RawProfile: raw, ID: "an id"})
	}
	request := connect.NewRequest(&pushv1.PushRequest{Series: []*pushv1.RawProfileSeries{one}})
	for i := 0; i < len(headers); i += 2 {
		request.Header().Set(headers[i], headers[i+1])
	}
	_, err := s.push.Push(context.Background(), request)
	return err
}

func (s *sink) mustSend(ls []*typesv1.LabelPair, p *profile.Profile) {
	s.t.Helper()
	if err := s.send(ls, [][]byte{s.encode(p)}); err != nil {
		s.t.Fatal(err)
	}
}

// post sends any body to a method, as a client would that isn't Connect's.
func (s *sink) post(method string, body []byte, headers ...string) (int, string) {
	s.t.Helper()
	request, err := http.NewRequest(http.MethodPost, s.url+method, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func (s *sink) last() *PushRecord {
	s.t.Helper()
	response, err := http.Get(s.url + "/pushes")
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var list []*PushRecord
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		s.t.Fatal(err)
	}
	if len(list) == 0 {
		s.t.Fatal("no push was recorded")
	}
	return list[len(list)-1]
}

func (s *sink) from() int64 { return s.now.Add(-2 * time.Hour).UnixMilli() }
func (s *sink) to() int64   { return s.now.Add(2 * time.Hour).UnixMilli() }

// flame gives the total of a query, and self values by path.
func (s *sink) flame(selector string) (int64, map[string]int64) {
	s.t.Helper()
	r, err := s.query.SelectMergeStacktraces(context.Background(), connect.NewRequest(&querierv1.SelectMergeStacktracesRequest{
		ProfileTypeID: cpu, LabelSelector: selector, Start: s.from(), End: s.to(),
	}))
	if err != nil {
		s.t.Fatal(err)
	}
	return r.Msg.Flamegraph.Total, unfold(r.Msg.Flamegraph)
}

// unfold also sees to it that a node's total is its own value and those of the nodes under it.
func unfold(g *querierv1.FlameGraph) map[string]int64 {
	type placed struct {
		path       string
		begin, end int64
		rest       int64 // of the total, that is still to be explained
	}
	out := map[string]int64{}
	above := []*placed{{"", 0, g.Total + 1, g.Total}}
	for depth, level := range g.Levels {
		var here []*placed
		x := int64(0)
		for v := level.Values; len(v) > 0; v = v[4:] {
			x += v[0]
			for _, p := range above {
				if p.begin <= x && x < p.end {
					path := p.path
					if depth > 0 {
						path += "/" + g.Names[v[3]]
					}
					p.rest -= v[1]
					here = append(here, &placed{path, x, x + v[1], v[1] - v[2]})
					if v[2] > 0 {
						out[path] += v[2]
					}
				}
			}
			x += v[1]
		}
		for _, p := range above {
			if p.rest != 0 {
				out["unexplained: "+p.path] = p.rest
			}
		}
		above = here
	}
	return out
}

// sets lists the series, of these labels.
func (s *sink) sets(names ...string) []map[string]string {
	s.t.Helper()
	r, err := s.query.Series(context.Background(), connect.NewRequest(&querierv1.SeriesRequest{
		Matchers: []string{`{__type__="cpu"}`}, LabelNames: names, Start: s.from(), End: s.to(),
	}))
	if err != nil {
		s.t.Fatal(err)
	}
	var out []map[string]string
	for _, set := range r.Msg.LabelsSet {
		one := map[string]string{}
		for _, l := range set.Labels {
			one[l.Name] = l.Value
		}
		out = append(out, one)
	}
	return out
}

func (s *sink) names(t *testing.T, headers ...string) []string {
	t.Helper()
	request := connect.NewRequest(&typesv1.LabelNamesRequest{Start: s.from(), End: s.to()})
	for i := 0; i < len(headers); i += 2 {
		request.Header().Set(headers[i], headers[i+1])
	}
	r, err := s.query.LabelNames(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	return r.Msg.Names
}
