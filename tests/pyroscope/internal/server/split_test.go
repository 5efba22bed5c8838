package server

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"connectrpc.com/connect"
	querierv1 "github.com/grafana/pyroscope/api/gen/proto/go/querier/v1"

	"pyro.test/pyroscope/internal/series"
)

func matchAll(series.Labels) bool { return true }

func TestSampleLabelsMakeSeries(t *testing.T) {
	s := start(t, Config{})
	p := s.cpuProfile(
		st(1e7, "main"),
		st(2e7, "main", "order_car").with("vehicle", "car"),
		st(3e7, "main", "order_bike").with("vehicle", "bike"),
		st(4e7, "main", "order_car").with("vehicle", "car", "region", "of the sample"),
		st(5e7, "main").with("empty", ""),
	)
	p.Sample[1].NumLabel = map[string][]int64{"bytes": {64}}
	s.mustSend(ride("region", "eu-north"), p)
	want := []map[string]string{
		{"region": "eu-north"},
		{"region": "eu-north", "vehicle": "bike"},
		{"region": "eu-north", "vehicle": "car"},
	}
	if got := s.sets("region", "vehicle", "bytes", "empty"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for selector, ns := range map[string]int64{`{}`: 15e7, `{vehicle="car"}`: 6e7, `{vehicle=""}`: 6e7} {
		if got, _ := s.flame(selector); got != ns {
			t.Errorf("%s has %d ns, want %d", selector, got, ns)
		}
	}
	record := s.last().Profiles[0]
	if len(record.Series) != 6 || record.Sums["cpu:nanoseconds"] != 15e7 || record.Sums["samples:count"] != 15 || record.Samples != 5 {
		t.Errorf("recorded: %+v", record)
	}
}

func TestSpansMakeNoSeries(t *testing.T) {
	s := start(t, Config{})
	const span, trace = "0123456789abcdef", "0123456789abcdef0123456789abcdef"
	s.mustSend(ride(), s.cpuProfile(
		st(1e7, "main"),
		st(2e7, "main").with("span_id", span, "trace_id", trace, "span_name", "GET /"),
		st(3e7, "main").with("profile_id", span),
		st(4e7, "main").with("span_id", "too short"),
	))
	want := []map[string]string{{}, {"span_name": "GET /"}}
	if got := s.sets("span_id", "trace_id", "profile_id", "span_name"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	ask := func(spans, traces []string) (int64, error) {
		r, err := s.query.SelectMergeStacktraces(context.Background(), connect.NewRequest(&querierv1.SelectMergeStacktracesRequest{
			ProfileTypeID: cpu, LabelSelector: "{}", Start: s.from(), End: s.to(), SpanSelector: spans, TraceIdSelector: traces,
		}))
		if err != nil {
			return 0, err
		}
		return r.Msg.Flamegraph.Total, nil
	}
	if got, err := ask([]string{span}, nil); got != 5e7 || err != nil {
		t.Errorf("the span has %d ns, %v", got, err)
	}
	if got, err := ask(nil, []string{trace}); got != 2e7 || err != nil {
		t.Errorf("the trace has %d ns, %v", got, err)
	}
	if _, err := ask([]string{"too short"}, nil); codeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("a span that is none: %v", err)
	}
}

func TestLabelsThatAreChanged(t *testing.T) {
	s := start(t, Config{})
	s.mustSend(labels("__name__", "process_cpu", "__session_id__", "1234", "gone", "", "__unit__", "mine"), s.cpuProfile(st(1e7, "main")))
	want := []map[string]string{{"service_name": "unknown_service", "__unit__": "nanoseconds"}}
	if got := s.sets("service_name", "__session_id__", "gone", "__unit__"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestNamesThatQueriesHide(t *testing.T) {
	s := start(t, Config{})
	s.mustSend(ride("a.b", "1", "a-b", "2", "é", "3", "1a", "4", "a_1", "5"), s.cpuProfile(st(1e7, "main")))
	hidden := []string{"a.b", "a-b", "é", "1a"}
	listed := func(names []string) (n int) {
		for _, name := range hidden {
			if slices.Contains(names, name) {
				n++
			}
		}
		return n
	}
	names := s.names(t)
	if listed(names) != 0 || !slices.Contains(names, "a_1") {
		t.Errorf("listed: %v", names)
	}
	if all := s.names(t, "Accept", "*/*;allow-utf8-labelnames=true"); listed(all) != 4 {
		t.Errorf("to a client that takes all: %v", all)
	}
	if set := s.sets()[0]; set["a.b"] != "" || set["a_1"] != "5" {
		t.Errorf("the series: %v", set)
	}
	if got, _ := s.flame(`{"a.b"="1"}`); got != 1e7 {
		t.Errorf("selected by its quoted name it has %d ns", got)
	}
}

func TestProfileTypes(t *testing.T) {
	s := start(t, Config{})
	p := s.cpuProfile(st(1e7, "main"))
	s.mustSend(ride(), p)
	p.PeriodType = nil
	s.mustSend(ride(), p)
	wall := s.cpuProfile(st(1e7, "main"))
	for _, sample := range wall.Sample {
		sample.Value[0] = 0 // a type that has only zeros isn't there
	}
	s.mustSend(labels("__name__", "wall", "service_name", "ride"), wall)
	r, err := s.query.ProfileTypes(context.Background(), connect.NewRequest(&querierv1.ProfileTypesRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, each := range r.Msg.ProfileTypes {
		got = append(got, each.ID)
	}
	want := []string{
		"process_cpu:cpu:nanoseconds::", cpu, "process_cpu:samples:count::", "process_cpu:samples:count:cpu:nanoseconds", "wall:cpu:nanoseconds:cpu:nanoseconds",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
