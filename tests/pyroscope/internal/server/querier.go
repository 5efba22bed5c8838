package server

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	querierv1 "github.com/grafana/pyroscope/api/gen/proto/go/querier/v1"
	"github.com/grafana/pyroscope/api/gen/proto/go/querier/v1/querierv1connect"
	typesv1 "github.com/grafana/pyroscope/api/gen/proto/go/types/v1"

	"pyro.test/pyroscope/internal/query"
	"pyro.test/pyroscope/internal/series"
)

// querier lists what there is; querier_stacks.go has the flame graphs. Methods that are in neither say unimplemented.
type querier struct {
	querierv1connect.UnimplementedQuerierServiceHandler
	*Server
}

// list gives the records that matchers select, for the methods that list labels.
func (q *querier) list(request connect.AnyRequest, matchers []string, start, end int64) ([]*series.Record, error) {
	from, empty, err := q.span(start, end)
	if err != nil || empty {
		return nil, err
	}
	selector, err := query.ParseAll(matchers)
	if err != nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, err)
	}
	return q.find(request.Header(), selector, from, end)
}

func (q *querier) LabelNames(
	_ context.Context, r *connect.Request[typesv1.LabelNamesRequest],
) (*connect.Response[typesv1.LabelNamesResponse], error) {
	records, err := q.list(r, r.Msg.Matchers, r.Msg.Start, r.Msg.End)
	if err != nil {
		return nil, err
	}
	names := query.LabelNames(records)
	if !wantsAllNames(r.Header()) {
		names = slices.DeleteFunc(names, func(name string) bool { return !query.IsShown(name) })
	}
	return connect.NewResponse(&typesv1.LabelNamesResponse{Names: names}), nil
}

func (q *querier) LabelValues(
	_ context.Context, r *connect.Request[typesv1.LabelValuesRequest],
) (*connect.Response[typesv1.LabelValuesResponse], error) {
	records, err := q.list(r, r.Msg.Matchers, r.Msg.Start, r.Msg.End)
	if err != nil {
		return nil, err
	}
	if r.Msg.Name == "" {
		return nil, invalid("name is required")
	}
	return connect.NewResponse(&typesv1.LabelValuesResponse{Names: query.LabelValues(records, r.Msg.Name)}), nil
}

func (q *querier) Series(
	_ context.Context, r *connect.Request[querierv1.SeriesRequest],
) (*connect.Response[querierv1.SeriesResponse], error) {
	records, err := q.list(r, r.Msg.Matchers, r.Msg.Start, r.Msg.End)
	if err != nil {
		return nil, err
	}
	all := wantsAllNames(r.Header())
	sets := query.Series(records, func(name string) bool {
		return (all || query.IsShown(name)) && (len(r.Msg.LabelNames) == 0 || slices.Contains(r.Msg.LabelNames, name))
	})
	response := &querierv1.SeriesResponse{}
	for _, ls := range sets {
		response.LabelsSet = append(response.LabelsSet, &typesv1.Labels{Labels: query.Pairs(ls)})
	}
	return connect.NewResponse(response), nil
}

// ProfileTypes is the one method that can go without a range: it then takes the last hour.
func (q *querier) ProfileTypes(
	_ context.Context, r *connect.Request[querierv1.ProfileTypesRequest],
) (*connect.Response[querierv1.ProfileTypesResponse], error) {
	start, end := r.Msg.Start, r.Msg.End
	if start == 0 && end == 0 {
		now := q.config.Now()
		start, end = now.Add(-time.Hour).UnixMilli(), now.UnixMilli()
	}
	records, err := q.list(r, nil, start, end)
	if err != nil {
		return nil, err
	}
	response := &querierv1.ProfileTypesResponse{}
	for _, id := range query.LabelValues(records, series.ProfileType) {
		if parts := strings.Split(id, ":"); len(parts) == 5 || len(parts) == 6 {
			response.ProfileTypes = append(response.ProfileTypes, &typesv1.ProfileType{
				ID: id, Name: parts[0], SampleType: parts[1], SampleUnit: parts[2], PeriodType: parts[3], PeriodUnit: parts[4],
			})
		}
	}
	return connect.NewResponse(response), nil
}

func (q *querier) SelectSeries(
	_ context.Context, r *connect.Request[querierv1.SelectSeriesRequest],
) (*connect.Response[querierv1.SelectSeriesResponse], error) {
	start, empty, err := q.span(r.Msg.Start, r.Msg.End)
	if err != nil {
		return nil, err
	}
	if empty {
		return connect.NewResponse(&querierv1.SelectSeriesResponse{}), nil
	}
	selector, _, err := profileSelector(r.Msg.LabelSelector, r.Msg.ProfileTypeID)
	if err != nil {
		return nil, err
	}
	if r.Msg.Step < 0.001 {
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("step must be >= 1ms"))
	}
	step := int64(r.Msg.Step * 1000)
	records, err := q.find(r.Header(), selector, start-step, r.Msg.End)
	if err != nil {
		return nil, err
	}
	all := query.TimeSeries(records, r.Msg.GroupBy, start, r.Msg.End, step)
	return connect.NewResponse(&querierv1.SelectSeriesResponse{Series: query.Top(all, int(r.Msg.GetLimit()))}), nil
}
