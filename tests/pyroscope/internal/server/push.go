package server

import (
	"context"

	"connectrpc.com/connect"
	pushv1 "github.com/grafana/pyroscope/api/gen/proto/go/push/v1"

	"pyro.test/pyroscope/internal/contract"
	"pyro.test/pyroscope/internal/store"
)

// Push stores what is good of a request, whatever the answer is.
func (s *Server) Push(
	ctx context.Context, request *connect.Request[pushv1.PushRequest],
) (*connect.Response[pushv1.PushResponse], error) {
	tenant, err := s.tenant(request.Header())
	if err != nil {
		return nil, err
	}
	now := s.config.Now()
	results, refused := contract.Push(tenant, request.Msg, s.rate, now)
	recordOf(ctx).add(tenant, results)
	var entries []store.Entry
	for _, r := range results {
		if r.Outcome == contract.Stored {
			entries = append(entries, store.Entry{Tenant: tenant, At: now, Labels: r.Labels, Raw: r.Raw})
		}
	}
	if s.journal != nil {
		if err := s.journal.Append(entries); err != nil {
			return nil, connect.NewError(connect.CodeInternal, err)
		}
	}
	for _, r := range results {
		s.store.Add(r.Records)
	}
	if refused != nil {
		return nil, refused
	}
	return connect.NewResponse(&pushv1.PushResponse{}), nil
}
