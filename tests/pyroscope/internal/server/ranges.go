package server

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"

	"pyro.test/pyroscope/internal/query"
	"pyro.test/pyroscope/internal/series"
)

const (
	maxLookback    = 7 * 24 * time.Hour
	maxLength      = 24 * time.Hour
	maxNodes       = 1 << 20
	nodesByDefault = 8 << 10
)

func invalid(format string, args ...any) error {
	return connect.NewError(connect.CodeInvalidArgument, fmt.Errorf(format, args...))
}

// span checks a query's range of milliseconds. What is longer ago than the lookback is cut off, and a range that is all longer ago
// is empty without being an error.
func (s *Server) span(start, end int64) (from int64, empty bool, err error) {
	switch {
	case start == 0 || end == 0:
		return 0, false, invalid("missing time range in the query")
	case start > end:
		return 0, false, invalid("query start time is after end time")
	}
	oldest := s.config.Now().Add(-maxLookback).UnixMilli()
	if end < oldest {
		return 0, true, nil
	}
	start = max(start, oldest)
	if length := time.Duration(end-start) * time.Millisecond; length > maxLength {
		return 0, false, invalid("the query time range exceeds the limit (max_query_length, actual: %s, limit: %s)", length, maxLength)
	}
	return start, false, nil
}

func nodes(asked int64) (int64, error) {
	switch {
	case asked == 0:
		return nodesByDefault, nil
	case asked < 0:
		return 0, invalid("max flamegraph nodes limit must be set (max allowed %d)", maxNodes)
	case asked > maxNodes:
		return 0, invalid("max flamegraph nodes limit %d is greater than allowed %d", asked, maxNodes)
	}
	return asked, nil
}

// find gives the records that a query is about.
func (s *Server) find(h http.Header, selector query.Selector, start, end int64) ([]*series.Record, error) {
	tenants, err := s.tenants(h)
	if err != nil {
		return nil, err
	}
	return s.store.Select(tenants, start*1e6, end*1e6, selector.Matches), nil
}

// profileSelector reads a label selector and adds a profile type, of five parts, to it.
func profileSelector(selector, profileType string) (query.Selector, string, error) {
	parts := strings.Split(profileType, ":")
	if len(parts) != 5 && len(parts) != 6 {
		return nil, "", invalid("profile-type selection must be of the form "+
			"<name>:<sample-type>:<sample-unit>:<period-type>:<period-unit>(:delta), got(%d): %q", len(parts), profileType)
	}
	parsed, err := query.Parse(selector)
	if err != nil {
		return nil, "", connect.NewError(connect.CodeInvalidArgument, err)
	}
	id := strings.Join(parts[:5], ":")
	return append(parsed, query.Matcher{Name: series.ProfileType, Op: "=", Value: id}), id, nil
}

var errUnknownFormat = connect.NewError(connect.CodeUnimplemented, errors.New("the sink has flame graphs and pprof only"))
