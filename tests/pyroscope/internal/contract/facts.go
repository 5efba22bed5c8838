package contract

import profilev1 "github.com/grafana/pyroscope/api/gen/proto/go/google/v1"

// Facts are what a profile holds as it was pushed, before anything is dropped.
type Facts struct {
	Bytes         int              `json:"uncompressedBytes"`
	Samples       int              `json:"samples"`
	Sums          map[string]int64 `json:"sums"` // by type and unit, "cpu:nanoseconds"
	TimeNanos     int64            `json:"timeNanos"`
	DurationNanos int64            `json:"durationNanos"`
	PeriodType    string           `json:"periodType"` // "cpu:nanoseconds", empty if there is none
	Period        int64            `json:"period"`
	Mappings      int              `json:"mappings"`
	Locations     int              `json:"locations"`
	Functions     int              `json:"functions"`
	Comments      []string         `json:"comments,omitempty"`
}

func factsOf(p *profilev1.Profile, bytes int) Facts {
	text := func(index int64) string {
		if index < 0 || index >= int64(len(p.StringTable)) {
			return ""
		}
		return p.StringTable[index]
	}
	name := func(t *profilev1.ValueType) string {
		if t == nil {
			return ""
		}
		return text(t.Type) + ":" + text(t.Unit)
	}
	f := Facts{
		Bytes: bytes, Samples: len(p.Sample), Sums: map[string]int64{},
		TimeNanos: p.TimeNanos, DurationNanos: p.DurationNanos, PeriodType: name(p.PeriodType), Period: p.Period,
		Mappings: len(p.Mapping), Locations: len(p.Location), Functions: len(p.Function),
	}
	for i, t := range p.SampleType {
		sum := int64(0)
		for _, s := range p.Sample {
			if i < len(s.Value) {
				sum += s.Value[i]
			}
		}
		f.Sums[name(t)] += sum
	}
	for _, c := range p.Comment {
		f.Comments = append(f.Comments, text(c))
	}
	return f
}
