// Package store keeps accepted profiles: in memory for queries, and in a file for the next start.
package store

import (
	"slices"
	"sync"

	"pyro.test/pyroscope/internal/series"
)

type Store struct {
	mutex   sync.RWMutex
	records []*series.Record
}

func (s *Store) Add(records []series.Record) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for i := range records {
		s.records = append(s.records, &records[i])
	}
}

// Select gives the records of these tenants from one nanosecond to another, both included, that match.
func (s *Store) Select(tenants []string, from, to int64, matches func(series.Labels) bool) []*series.Record {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	var out []*series.Record
	for _, r := range s.records {
		if r.Nanos >= from && r.Nanos <= to && slices.Contains(tenants, r.Tenant) && matches(r.Labels) {
			out = append(out, r)
		}
	}
	return out
}
