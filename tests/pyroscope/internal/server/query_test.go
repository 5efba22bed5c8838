package server

import (
	"bytes"
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/pprof/profile"
	querierv1 "github.com/grafana/pyroscope/api/gen/proto/go/querier/v1"
	typesv1 "github.com/grafana/pyroscope/api/gen/proto/go/types/v1"
)

func (s *sink) request(selector string) *querierv1.SelectMergeStacktracesRequest {
	return &querierv1.SelectMergeStacktracesRequest{ProfileTypeID: cpu, LabelSelector: selector, Start: s.from(), End: s.to()}
}

// city has three regions, each with three vehicles.
func city(t *testing.T) *sink {
	s := start(t, Config{})
	for i, region := range []string{"us-east", "eu-north", "ap-south"} {
		n := int64(1+i) * 1e7
		s.mustSend(ride("region", region), s.cpuProfile(
			st(1*n, "main", "order_bike").with("vehicle", "bike"),
			st(2*n, "main", "order_scooter").with("vehicle", "scooter"),
			st(4*n, "main", "order_car", "mutex_lock").with("vehicle", "car"),
			st(8*n, "main"),
		))
	}
	return s
}

func TestSelectors(t *testing.T) {
	s := city(t)
	for selector, ns := range map[string]int64{
		`{}`:                                     90e7,
		`{region="eu-north"}`:                    30e7,
		`{region!="eu-north"}`:                   60e7,
		`{region=~"eu-.*|us-.*"}`:                45e7,
		`{region=~"eu"}`:                         0,
		`{region!~"eu-.*"}`:                      60e7,
		`{region="eu-north",vehicle="car",}`:     8e7,
		`{vehicle!=""}`:                          42e7,
		`{vehicle=""}`:                           48e7,
		`{nothing!="x"}`:                         90e7,
		`process_cpu{vehicle='bike'}`:            6e7,
		`other{}`:                                0,
		"{ vehicle = `bike` , region=~`us.+` }":  1e7,
		`{service_name="ride", vehicle=~"c.r"} `: 24e7,
	} {
		if got, _ := s.flame(selector); got != ns {
			t.Errorf("%s has %d ns, want %d", selector, got, ns)
		}
	}
	for _, selector := range []string{``, `{`, `{a}`, `{a="b}`, `{a=b}`, `{a=~"("}`, `{a="b"} x`, `{a=="b"}`, `{a="b" c="d"}`} {
		_, err := s.query.SelectMergeStacktraces(context.Background(), connect.NewRequest(s.request(selector)))
		if codeOf(err) != connect.CodeInvalidArgument {
			t.Errorf("%s: %v", selector, err)
		}
	}
}

func TestFlameGraph(t *testing.T) {
	s := city(t)
	total, self := s.flame(`{region="us-east"}`)
	want := map[string]int64{"/main": 8e7, "/main/order_bike": 1e7, "/main/order_scooter": 2e7, "/main/order_car/mutex_lock": 4e7}
	if total != 15e7 || !reflect.DeepEqual(self, want) {
		t.Errorf("%d ns: %v, want %v", total, self, want)
	}
	r, err := s.query.SelectMergeStacktraces(context.Background(), connect.NewRequest(s.request(`{region="us-east"}`)))
	if err != nil {
		t.Fatal(err)
	}
	g := r.Msg.Flamegraph
	levels := [][]int64{
		{0, 15e7, 0, 0},
		{0, 15e7, 8e7, 1},
		{8e7, 1e7, 1e7, 2, 0, 4e7, 0, 3, 0, 2e7, 2e7, 5},
		{9e7, 4e7, 4e7, 4},
	}
	for depth, level := range g.Levels {
		if !reflect.DeepEqual(level.Values, levels[depth]) {
			t.Errorf("level %d is %v, want %v", depth, level.Values, levels[depth])
		}
	}
	if names := []string{"total", "main", "order_bike", "order_car", "mutex_lock", "order_scooter"}; !reflect.DeepEqual(g.Names, names) {
		t.Errorf("names: %v", g.Names)
	}
	if g.MaxSelf != 8e7 || len(g.Levels) != 4 {
		t.Errorf("max self %d, %d levels", g.MaxSelf, len(g.Levels))
	}
}

func TestMaxNodes(t *testing.T) {
	s := city(t)
	nodes := func(n int64) (*querierv1.FlameGraph, error) {
		request := s.request(`{region="us-east"}`)
		request.MaxNodes = &n
		r, err := s.query.SelectMergeStacktraces(context.Background(), connect.NewRequest(request))
		if err != nil {
			return nil, err
		}
		return r.Msg.Flamegraph, nil
	}
	g, err := nodes(3)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{"/main": 8e7, "/main/other": 3e7, "/main/order_car/mutex_lock": 4e7}
	if got := unfold(g); !reflect.DeepEqual(got, want) || g.Total != 15e7 {
		t.Errorf("%d ns: %v, want %v", g.Total, got, want)
	}
	for _, n := range []int64{-1, 1<<20 + 1} {
		if _, err := nodes(n); codeOf(err) != connect.CodeInvalidArgument {
			t.Errorf("%d nodes: %v", n, err)
		}
	}
}

func TestMergedProfile(t *testing.T) {
	s := city(t)
	check := func(what string, raw []byte) {
		t.Helper()
		p, err := profile.ParseData(raw)
		if err != nil {
			t.Fatalf("%s: the official parser says: %v", what, err)
		}
		got := map[string]int64{}
		for _, sample := range p.Sample {
			path := ""
			for _, l := range sample.Location {
				path = "/" + l.Line[0].Function.Name + path
				if l.Line[0].Line != 7 || l.Line[0].Function.Filename != l.Line[0].Function.Name+".cpp" || l.Mapping.File != "/usr/bin/ride" {
					t.Errorf("%s: %v", what, l)
				}
			}
			got[path] += sample.Value[0]
		}
		want := map[string]int64{"/main": 48e7, "/main/order_bike": 6e7, "/main/order_scooter": 12e7, "/main/order_car/mutex_lock": 24e7}
		if !reflect.DeepEqual(got, want) || len(p.Sample) != 4 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
		if p.SampleType[0].Type != "cpu" || p.PeriodType.Unit != "nanoseconds" {
			t.Errorf("%s: types %v %v", what, p.SampleType[0], p.PeriodType)
		}
	}
	r, err := s.query.SelectMergeProfile(context.Background(), connect.NewRequest(&querierv1.SelectMergeProfileRequest{
		ProfileTypeID: cpu, LabelSelector: "{}", Start: s.from(), End: s.to(),
	}))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := r.Msg.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	check("SelectMergeProfile", raw)

	request := s.request("{}")
	request.Format = querierv1.ProfileFormat_PROFILE_FORMAT_PPROF
	stacks, err := s.query.SelectMergeStacktraces(context.Background(), connect.NewRequest(request))
	if err != nil {
		t.Fatal(err)
	}
	if raw, err = stacks.Msg.Pprof.Profile.MarshalVT(); err != nil {
		t.Fatal(err)
	}
	check("PROFILE_FORMAT_PPROF", raw)
}

func TestSourceLabelsGoIntoTheBuildID(t *testing.T) {
	s := start(t, Config{})
	s.mustSend(ride("service_repository", "r", "service_git_ref", "g"), s.cpuProfile(st(1e7, "main")))
	r, err := s.query.SelectMergeProfile(context.Background(), connect.NewRequest(&querierv1.SelectMergeProfileRequest{
		ProfileTypeID: cpu, LabelSelector: "{}", Start: s.from(), End: s.to(),
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Msg.StringTable[r.Msg.Mapping[0].BuildId]; got != `{"repository":"r","git_ref":"g"}` {
		t.Errorf("build ID %s", got)
	}
}

func TestDiff(t *testing.T) {
	s := city(t)
	r, err := s.query.Diff(context.Background(), connect.NewRequest(&querierv1.DiffRequest{
		Left: s.request(`{region="us-east",vehicle=~"bike|scooter"}`), Right: s.request(`{region="eu-north",vehicle=~"bike|car"}`),
	}))
	if err != nil {
		t.Fatal(err)
	}
	g := r.Msg.Flamegraph
	if g.LeftTicks != 3e7 || g.RightTicks != 10e7 || g.Total != 13e7 || g.MaxSelf != 8e7 {
		t.Errorf("ticks %d and %d, total %d, max self %d", g.LeftTicks, g.RightTicks, g.Total, g.MaxSelf)
	}
	if names := []string{"total", "main", "order_bike", "order_car", "mutex_lock", "order_scooter"}; !reflect.DeepEqual(g.Names, names) {
		t.Errorf("names: %v", g.Names)
	}
	levels := [][]int64{
		{0, 3e7, 0, 0, 10e7, 0, 0},
		{0, 3e7, 0, 0, 10e7, 0, 1},
		{0, 1e7, 1e7, 0, 2e7, 2e7, 2, 0, 0, 0, 0, 8e7, 0, 3, 0, 2e7, 2e7, 0, 0, 0, 5},
		{1e7, 0, 0, 2e7, 8e7, 8e7, 4},
	}
	for depth, level := range g.Levels {
		if !reflect.DeepEqual(level.Values, levels[depth]) {
			t.Errorf("level %d is %v, want %v", depth, level.Values, levels[depth])
		}
	}
	if len(g.Levels) != 4 {
		t.Errorf("%d levels", len(g.Levels))
	}
}

func TestTimeSeries(t *testing.T) {
	s := start(t, Config{})
	begin := s.now.Add(-10 * time.Minute)
	for i, ns := range []int64{1e7, 2e7, 4e7, 8e7} { // at 0, 5, 10 and 15 s
		p := s.cpuProfile(st(ns, "main").with("vehicle", "car"), st(16e7, "main"))
		p.TimeNanos = begin.Add(time.Duration(i) * 5 * time.Second).UnixNano()
		s.mustSend(ride(), p)
	}
	ask := func(selector string, by []string, limit int64) []*typesv1.Series {
		t.Helper()
		r, err := s.query.SelectSeries(context.Background(), connect.NewRequest(&querierv1.SelectSeriesRequest{
			ProfileTypeID: cpu, LabelSelector: selector, Start: begin.UnixMilli(), End: begin.Add(15 * time.Second).UnixMilli(),
			Step: 10, GroupBy: by, Limit: &limit,
		}))
		if err != nil {
			t.Fatal(err)
		}
		return r.Msg.Series
	}
	ms := begin.UnixMilli()
	points := func(s *typesv1.Series) (out [][2]int64) {
		for _, p := range s.Points {
			out = append(out, [2]int64{p.Timestamp - ms, int64(p.Value)})
		}
		return out
	}
	// The point at 10 s has what came after 0 s; 15 s is after the last whole step.
	got := ask(`{vehicle="car"}`, nil, 0)
	if want := [][2]int64{{0, 1e7}, {10_000, 6e7}}; len(got) != 1 || !reflect.DeepEqual(points(got[0]), want) {
		t.Errorf("got %v, want %v", got, want)
	}
	grouped := ask(`{}`, []string{"vehicle"}, 0)
	if len(grouped) != 2 || len(grouped[0].Labels) != 0 || grouped[1].Labels[0].Value != "car" {
		t.Fatalf("grouped: %v", grouped)
	}
	if want := [][2]int64{{0, 16e7}, {10_000, 32e7}}; !reflect.DeepEqual(points(grouped[0]), want) {
		t.Errorf("without a vehicle: %v, want %v", points(grouped[0]), want)
	}
	if top := ask(`{}`, []string{"vehicle"}, 1); len(top) != 1 || len(top[0].Labels) != 0 {
		t.Errorf("the largest: %v", top)
	}
}

func TestTimeRanges(t *testing.T) {
	s := city(t)
	at := s.now.Add(-time.Minute).UnixMilli()
	now := s.now.UnixMilli()
	day := (24 * time.Hour).Milliseconds()
	for _, test := range []struct {
		name       string
		start, end int64
		code       connect.Code
		total      int64
	}{
		{"its millisecond", at, at, ok, 90e7},
		{"before", at - 5, at - 1, ok, 0},
		{"after", at + 1, at + 5, ok, 0},
		{"no start", 0, at, connect.CodeInvalidArgument, 0},
		{"no end", at, 0, connect.CodeInvalidArgument, 0},
		{"end before start", at, at - 1, connect.CodeInvalidArgument, 0},
		{"a day", now - day, now, ok, 90e7},
		{"more than a day", now - day, now + 1, connect.CodeInvalidArgument, 0},
		{"all too long ago", now - 9*day, now - 8*day, ok, 0},
	} {
		request := s.request("{}")
		request.Start, request.End = test.start, test.end
		r, err := s.query.SelectMergeStacktraces(context.Background(), connect.NewRequest(request))
		if codeOf(err) != test.code {
			t.Errorf("%s: %v", test.name, err)
		} else if strings.HasPrefix(test.name, "no ") && !strings.Contains(err.Error(), "missing time range") {
			t.Errorf("%s: %v", test.name, err)
		} else if err == nil && r.Msg.Flamegraph.Total != test.total {
			t.Errorf("%s: %d ns, want %d", test.name, r.Msg.Flamegraph.Total, test.total)
		}
	}
	for method, body := range map[string]string{"LabelNames": `{}`, "LabelValues": `{"name":"region"}`, "Series": `{}`, "SelectSeries": `{"step":1}`, "Diff": `{}`} {
		status, text := s.post("/querier.v1.QuerierService/"+method, []byte(body), "Content-Type", "application/json")
		if status != 400 || !bytes.Contains([]byte(text), []byte("missing time range")) {
			t.Errorf("%s without a range: %d %s", method, status, text)
		}
	}
}

func TestLabelValues(t *testing.T) {
	s := city(t)
	r, err := s.query.LabelValues(context.Background(), connect.NewRequest(&typesv1.LabelValuesRequest{
		Name: "vehicle", Matchers: []string{`{region="us-east"}`, `{vehicle!="bike"}`}, Start: s.from(), End: s.to(),
	}))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"car", "scooter"}; !reflect.DeepEqual(r.Msg.Names, want) {
		t.Errorf("got %v, want %v", r.Msg.Names, want)
	}
}

func TestCallSite(t *testing.T) {
	s := city(t)
	request := s.request("{}")
	request.StackTraceSelector = &typesv1.StackTraceSelector{CallSite: []*typesv1.Location{{Name: "main"}, {Name: "order_car"}}}
	r, err := s.query.SelectMergeStacktraces(context.Background(), connect.NewRequest(request))
	if err != nil {
		t.Fatal(err)
	}
	if r.Msg.Flamegraph.Total != 24e7 {
		t.Errorf("%d ns", r.Msg.Flamegraph.Total)
	}
}
