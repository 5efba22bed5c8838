package query

import (
	"cmp"
	"slices"
	"sort"

	typesv1 "github.com/grafana/pyroscope/api/gen/proto/go/types/v1"

	"pyro.test/pyroscope/internal/series"
)

// TimeSeries sums up records in steps of milliseconds. A point has the time of its end: it holds what is later than the point
// before, up to itself. The first reaches back one step more; what is after the last whole step is left out.
func TimeSeries(records []*series.Record, groupBy []string, start, end, step int64) []*typesv1.Series {
	type line struct {
		labels series.Labels
		points map[int64]float64
	}
	lines := map[string]*line{}
	for _, r := range records {
		at := start
		if ms := r.Nanos / 1e6; ms > start {
			at = start + (ms-start+step-1)/step*step
		}
		if at > end {
			continue
		}
		labels := r.Labels.Only(groupBy)
		l := lines[labels.String()]
		if l == nil {
			l = &line{labels, map[int64]float64{}}
			lines[labels.String()] = l
		}
		l.points[at] += float64(r.Total())
	}
	sorted := make([]*line, 0, len(lines))
	for _, l := range lines {
		sorted = append(sorted, l)
	}
	slices.SortFunc(sorted, func(a, b *line) int {
		if a.labels.Less(b.labels) {
			return -1
		}
		return 1
	})
	var out []*typesv1.Series
	for _, l := range sorted {
		s := &typesv1.Series{Labels: Pairs(l.labels)}
		for at, value := range l.points {
			s.Points = append(s.Points, &typesv1.Point{Timestamp: at, Value: value})
		}
		sort.Slice(s.Points, func(i, j int) bool { return s.Points[i].Timestamp < s.Points[j].Timestamp })
		out = append(out, s)
	}
	return out
}

// Top keeps the series with the largest sums, the largest first. 0 keeps all as they are.
func Top(all []*typesv1.Series, limit int) []*typesv1.Series {
	if limit <= 0 || len(all) <= limit {
		return all
	}
	sum := func(s *typesv1.Series) (total float64) {
		for _, p := range s.Points {
			total += p.Value
		}
		return total
	}
	slices.SortStableFunc(all, func(a, b *typesv1.Series) int { return cmp.Compare(sum(b), sum(a)) })
	return all[:limit]
}

func Pairs(ls series.Labels) []*typesv1.LabelPair {
	out := make([]*typesv1.LabelPair, len(ls))
	for i, l := range ls {
		out[i] = &typesv1.LabelPair{Name: l.Name, Value: l.Value}
	}
	return out
}
