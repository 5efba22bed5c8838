package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"connectrpc.com/connect"
	querierv1 "github.com/grafana/pyroscope/api/gen/proto/go/querier/v1"
	"github.com/grafana/pyroscope/api/gen/proto/go/querier/v1/querierv1connect"
	typesv1 "github.com/grafana/pyroscope/api/gen/proto/go/types/v1"
)

const (
	cpu     = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
	service = "ride-sharing-app"
)

// asker asks the official client, always about the same profiles.
type asker struct {
	client   querierv1connect.QuerierServiceClient
	from, to int64 // ms
}

func newAsker(c config) *asker {
	tenant := connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
			if c.tenant != "" {
				r.Header().Set("X-Scope-OrgID", c.tenant)
			}
			return next(ctx, r)
		}
	})
	direct := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second} // the environment's proxies are not for tests
	return &asker{
		querierv1connect.NewQuerierServiceClient(direct, c.url, connect.WithInterceptors(tenant)), c.from.UnixMilli(), c.to.UnixMilli(),
	}
}

// selector has more matchers such as `region="eu-north"` than the service.
func selector(more ...string) string {
	text := fmt.Sprintf("{service_name=%q", service)
	for _, m := range more {
		text += "," + m
	}
	return text + "}"
}

func (s *asker) types() ([]string, error) {
	r, err := s.client.ProfileTypes(context.Background(), connect.NewRequest(&querierv1.ProfileTypesRequest{Start: s.from, End: s.to}))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, t := range r.Msg.ProfileTypes {
		ids = append(ids, t.ID)
	}
	return ids, nil
}

func (s *asker) values(name string, matchers ...string) ([]string, error) {
	r, err := s.client.LabelValues(context.Background(), connect.NewRequest(&typesv1.LabelValuesRequest{
		Name: name, Matchers: matchers, Start: s.from, End: s.to,
	}))
	if err != nil {
		return nil, err
	}
	return r.Msg.Names, nil
}

func (s *asker) series(matcher string, names ...string) ([]map[string]string, error) {
	r, err := s.client.Series(context.Background(), connect.NewRequest(&querierv1.SeriesRequest{
		Matchers: []string{matcher}, LabelNames: names, Start: s.from, End: s.to,
	}))
	if err != nil {
		return nil, err
	}
	var sets []map[string]string
	for _, set := range r.Msg.LabelsSet {
		labels := map[string]string{}
		for _, l := range set.Labels {
			labels[l.Name] = l.Value
		}
		sets = append(sets, labels)
	}
	return sets, nil
}

func (s *asker) stacks(selector string, from, to int64) *querierv1.SelectMergeStacktracesRequest {
	return &querierv1.SelectMergeStacktracesRequest{ProfileTypeID: cpu, LabelSelector: selector, Start: from, End: to}
}

func (s *asker) flame(selector string, from, to int64) ([]*frame, int64, error) {
	r, err := s.client.SelectMergeStacktraces(context.Background(), connect.NewRequest(s.stacks(selector, from, to)))
	if err != nil {
		return nil, 0, err
	}
	g := r.Msg.GetFlamegraph()
	return decode(g.GetLevels(), g.GetNames(), 1), g.GetTotal(), nil
}

// points is a time series of all that is selected, in steps.
func (s *asker) points(selector string, from, to int64, step time.Duration) ([]*typesv1.Point, error) {
	r, err := s.client.SelectSeries(context.Background(), connect.NewRequest(&querierv1.SelectSeriesRequest{
		ProfileTypeID: cpu, LabelSelector: selector, Start: from, End: to, Step: step.Seconds(),
	}))
	if err != nil {
		return nil, err
	}
	var all []*typesv1.Point
	for _, one := range r.Msg.Series {
		all = append(all, one.Points...)
	}
	return all, nil
}

func (s *asker) diff(selector string, left, right span) ([]*frame, []int64, error) {
	r, err := s.client.Diff(context.Background(), connect.NewRequest(&querierv1.DiffRequest{
		Left: s.stacks(selector, left.from, left.to), Right: s.stacks(selector, right.from, right.to),
	}))
	if err != nil {
		return nil, nil, err
	}
	g := r.Msg.GetFlamegraph()
	return decode(g.GetLevels(), g.GetNames(), 2), []int64{g.GetLeftTicks(), g.GetRightTicks()}, nil
}
