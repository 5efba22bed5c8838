package contract

import (
	"slices"

	profilev1 "github.com/grafana/pyroscope/api/gen/proto/go/google/v1"

	"pyro.test/pyroscope/internal/series"
)

// The sample labels that make no series: span selectors query them. profile_id is an older name of span_id.
const (
	spanID    = "span_id"
	traceID   = "trace_id"
	profileID = "profile_id"
)

type group struct {
	labels  series.Labels
	samples []*profilev1.Sample
}

// split makes a series of each set of string labels among the samples. One set that is refused refuses the profile.
func split(p *profilev1.Profile, ofSeries series.Labels) ([]*group, error) {
	var groups []*group
	known := map[string]*group{}
	for _, s := range p.Sample {
		labels := merge(ofSeries, sampleLabels(p, s))
		key := labels.String()
		g := known[key]
		if g == nil {
			if err := check(labels); err != nil {
				return nil, err
			}
			g = &group{labels: labels}
			known[key] = g
			groups = append(groups, g)
		}
		g.samples = append(g.samples, s)
	}
	return groups, nil
}

// sampleLabels are ordered by their places in the string table, as the server has them: the first of a name counts.
func sampleLabels(p *profilev1.Profile, s *profilev1.Sample) series.Labels {
	sorted := slices.Clone(s.Label)
	slices.SortStableFunc(sorted, func(a, b *profilev1.Label) int {
		if a.Key != b.Key {
			return int(a.Key - b.Key)
		}
		return int(a.Str - b.Str)
	})
	var out series.Labels
	for _, l := range sorted {
		name, value := p.StringTable[l.Key], p.StringTable[l.Str]
		switch name {
		case "", spanID, traceID, profileID:
		default:
			out = append(out, series.Label{Name: name, Value: value})
		}
	}
	return out
}

// identifiers are the span and the trace of a sample, empty where they aren't hexadecimal of the right length.
func identifiers(p *profilev1.Profile, s *profilev1.Sample) (span, trace string) {
	for _, l := range s.Label {
		value := p.StringTable[l.Str]
		switch p.StringTable[l.Key] {
		case spanID, profileID:
			if IsHex(value, 16) {
				span = value
			}
		case traceID:
			if IsHex(value, 32) {
				trace = value
			}
		}
	}
	return span, trace
}

// IsHex tells whether a text is so many hexadecimal digits.
func IsHex(text string, digits int) bool {
	return len(text) == digits && !slices.ContainsFunc([]byte(text), func(c byte) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F')
	})
}
