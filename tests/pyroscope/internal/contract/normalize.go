package contract

import (
	"slices"

	profilev1 "github.com/grafana/pyroscope/api/gen/proto/go/google/v1"
)

// normalize drops what the server drops without a word: numeric labels, samples that are all zero or have a negative value, and
// samples with a location that isn't there or has no function.
func normalize(p *profilev1.Profile) {
	for _, s := range p.Sample {
		s.Label = slices.DeleteFunc(s.Label, func(l *profilev1.Label) bool { return l.Str == 0 })
	}
	var removed []*profilev1.Sample
	p.Sample = slices.DeleteFunc(p.Sample, func(s *profilev1.Sample) bool {
		if hasNegative(s.Value) || !hasPositive(s.Value) {
			removed = append(removed, &profilev1.Sample{LocationId: s.LocationId})
			return true
		}
		return false
	})
	if p.PeriodType == nil && leavesNames(p, removed) {
		panic("runtime error: invalid memory address or nil pointer dereference")
	}
	repair(p)
}

func hasNegative(values []int64) bool {
	return slices.ContainsFunc(values, func(v int64) bool { return v < 0 })
}

func hasPositive(values []int64) bool {
	return slices.ContainsFunc(values, func(v int64) bool { return v > 0 })
}

// leavesNames tells whether removed samples were the only ones with some function. The server then clears the string table, and
// looks into a period type that it takes for granted: without one the push is a 500.
func leavesNames(p *profilev1.Profile, removed []*profilev1.Sample) bool {
	gone := map[uint64]bool{}
	for _, s := range removed {
		for _, id := range s.LocationId {
			gone[id] = true
		}
	}
	for _, s := range p.Sample {
		for _, id := range s.LocationId {
			delete(gone, id)
		}
	}
	functions := map[uint64]bool{}
	for _, l := range p.Location {
		for _, line := range l.Line {
			if gone[l.Id] {
				functions[line.FunctionId] = true
			}
		}
	}
	for _, l := range p.Location {
		for _, line := range l.Line {
			if !gone[l.Id] {
				delete(functions, line.FunctionId)
			}
		}
	}
	return slices.ContainsFunc(p.Function, func(f *profilev1.Function) bool { return functions[f.Id] })
}

// repair drops locations that show nothing or refer to what isn't there, with the samples that have them, and makes string indices
// outside of the table empty strings.
func repair(p *profilev1.Profile) {
	text := func(index *int64) {
		if *index < 0 || *index >= int64(len(p.StringTable)) {
			*index = 0
		}
	}
	for _, t := range p.SampleType {
		text(&t.Type)
		text(&t.Unit)
	}
	if p.PeriodType != nil {
		text(&p.PeriodType.Type)
		text(&p.PeriodType.Unit)
	}
	mappings := map[uint64]bool{0: true} // 0: none, which is allowed
	for _, m := range p.Mapping {
		text(&m.Filename)
		text(&m.BuildId)
		mappings[m.Id] = true
	}
	functions := map[uint64]bool{}
	for _, f := range p.Function {
		text(&f.Name)
		text(&f.SystemName)
		text(&f.Filename)
		functions[f.Id] = true
	}
	locations := map[uint64]bool{}
	for _, l := range p.Location {
		shows := len(l.Line) > 0 || l.Address != 0
		known := !slices.ContainsFunc(l.Line, func(line *profilev1.Line) bool { return !functions[line.FunctionId] })
		locations[l.Id] = shows && known && mappings[l.MappingId]
	}
	p.Sample = slices.DeleteFunc(p.Sample, func(s *profilev1.Sample) bool {
		for _, l := range s.Label {
			text(&l.Key)
			text(&l.Str)
		}
		return slices.ContainsFunc(s.LocationId, func(id uint64) bool { return !locations[id] })
	})
}
