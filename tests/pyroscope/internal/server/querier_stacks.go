package server

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"connectrpc.com/connect"
	profilev1 "github.com/grafana/pyroscope/api/gen/proto/go/google/v1"
	querierv1 "github.com/grafana/pyroscope/api/gen/proto/go/querier/v1"

	"pyro.test/pyroscope/internal/contract"
	"pyro.test/pyroscope/internal/query"
	"pyro.test/pyroscope/internal/series"
)

// stacks are the records of a query for stacks, and which of their stacks it wants.
type stacks struct {
	records []*series.Record
	filter  query.Filter
	id      string // the profile type's, five parts
}

func (q *querier) stacks(h http.Header, m *querierv1.SelectMergeStacktracesRequest) (stacks, error) {
	filter, err := filterOf(m)
	if err != nil {
		return stacks{}, err
	}
	start, empty, err := q.span(m.Start, m.End)
	if err != nil {
		return stacks{}, err
	}
	selector, id, err := profileSelector(m.LabelSelector, m.ProfileTypeID)
	if err != nil || empty {
		return stacks{filter: filter, id: id}, err
	}
	records, err := q.find(h, selector, start, m.End)
	return stacks{records, filter, id}, err
}

func filterOf(m *querierv1.SelectMergeStacktracesRequest) (query.Filter, error) {
	f := query.Filter{Spans: m.SpanSelector, Traces: m.TraceIdSelector}
	switch {
	case len(f.Spans) > 0 && len(f.Traces) > 0:
		return f, invalid("span_selector and trace_id_selector cannot be combined")
	case slices.ContainsFunc(f.Spans, func(id string) bool { return !contract.IsHex(id, 16) }):
		return f, invalid("a span ID is 16 hexadecimal digits")
	case slices.ContainsFunc(f.Traces, func(id string) bool { return !contract.IsHex(id, 32) }):
		return f, invalid("a trace ID is 32 hexadecimal digits")
	case len(m.ProfileIdSelector) > 0 || m.StackTraceSelector.GetGoPgo() != nil:
		return f, connect.NewError(connect.CodeUnimplemented, errors.New("the sink has no profile IDs and no PGO"))
	}
	for _, site := range m.StackTraceSelector.GetCallSite() {
		f.CallSite = append(f.CallSite, site.Name)
	}
	return f, nil
}

func (q *querier) SelectMergeStacktraces(
	_ context.Context, r *connect.Request[querierv1.SelectMergeStacktracesRequest],
) (*connect.Response[querierv1.SelectMergeStacktracesResponse], error) {
	most, err := nodes(r.Msg.GetMaxNodes())
	if err != nil {
		return nil, err
	}
	found, err := q.stacks(r.Header(), r.Msg)
	if err != nil {
		return nil, err
	}
	response := &querierv1.SelectMergeStacktracesResponse{}
	switch r.Msg.Format {
	case querierv1.ProfileFormat_PROFILE_FORMAT_UNSPECIFIED, querierv1.ProfileFormat_PROFILE_FORMAT_FLAMEGRAPH:
		response.Flamegraph = query.FlameGraph(query.Tree(found.records, found.filter), most)
	case querierv1.ProfileFormat_PROFILE_FORMAT_PPROF:
		response.Pprof = &querierv1.PprofProfile{Profile: query.Profile(found.records, found.filter, found.id, r.Msg.End)}
	default:
		return nil, errUnknownFormat
	}
	return connect.NewResponse(response), nil
}

func (q *querier) SelectMergeProfile(
	_ context.Context, r *connect.Request[querierv1.SelectMergeProfileRequest],
) (*connect.Response[profilev1.Profile], error) {
	found, err := q.stacks(r.Header(), &querierv1.SelectMergeStacktracesRequest{
		ProfileTypeID: r.Msg.ProfileTypeID, LabelSelector: r.Msg.LabelSelector, Start: r.Msg.Start, End: r.Msg.End,
		StackTraceSelector: r.Msg.StackTraceSelector, ProfileIdSelector: r.Msg.ProfileIdSelector, TraceIdSelector: r.Msg.TraceIdSelector,
	})
	if err != nil {
		return nil, err
	}
	if len(found.records) == 0 {
		return connect.NewResponse(&profilev1.Profile{}), nil
	}
	return connect.NewResponse(query.Profile(found.records, found.filter, found.id, r.Msg.End)), nil
}

func (q *querier) Diff(
	_ context.Context, r *connect.Request[querierv1.DiffRequest],
) (*connect.Response[querierv1.DiffResponse], error) {
	most, err := nodes(max(r.Msg.Left.GetMaxNodes(), r.Msg.Right.GetMaxNodes()))
	if err != nil {
		return nil, err
	}
	var sides [2]stacks
	for i, side := range []*querierv1.SelectMergeStacktracesRequest{r.Msg.Left, r.Msg.Right} {
		if side == nil {
			side = &querierv1.SelectMergeStacktracesRequest{}
		}
		if sides[i], err = q.stacks(r.Header(), side); err != nil {
			return nil, err
		}
	}
	left, right := query.Tree(sides[0].records, sides[0].filter), query.Tree(sides[1].records, sides[1].filter)
	return connect.NewResponse(&querierv1.DiffResponse{Flamegraph: query.Diff(left, right, most)}), nil
}

// SelectMergeSpanProfile is the older way to ask for spans.
func (q *querier) SelectMergeSpanProfile(
	ctx context.Context, r *connect.Request[querierv1.SelectMergeSpanProfileRequest],
) (*connect.Response[querierv1.SelectMergeSpanProfileResponse], error) {
	inner := connect.NewRequest(&querierv1.SelectMergeStacktracesRequest{
		ProfileTypeID: r.Msg.ProfileTypeID, LabelSelector: r.Msg.LabelSelector, SpanSelector: r.Msg.SpanSelector,
		Start: r.Msg.Start, End: r.Msg.End, MaxNodes: r.Msg.MaxNodes, Format: r.Msg.Format,
	})
	if tenant := r.Header().Get(tenantHeader); tenant != "" {
		inner.Header().Set(tenantHeader, tenant)
	}
	response, err := q.SelectMergeStacktraces(ctx, inner)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&querierv1.SelectMergeSpanProfileResponse{Flamegraph: response.Msg.Flamegraph}), nil
}
