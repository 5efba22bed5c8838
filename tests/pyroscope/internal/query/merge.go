package query

import (
	"fmt"
	"strings"

	profilev1 "github.com/grafana/pyroscope/api/gen/proto/go/google/v1"

	"pyro.test/pyroscope/internal/series"
)

// Profile merges records into one pprof profile: stacks that are equal by function, file and line are added up.
func Profile(records []*series.Record, f Filter, profileType string, endMillis int64) *profilev1.Profile {
	m := &merger{
		out:       &profilev1.Profile{TimeNanos: endMillis * 1e6},
		strings:   map[string]int64{},
		mappings:  map[series.Mapping]uint64{},
		functions: map[series.Function]uint64{},
		locations: map[string]uint64{},
		samples:   map[string]*profilev1.Sample{},
	}
	m.text("")
	parts := strings.Split(profileType, ":")
	m.out.SampleType = []*profilev1.ValueType{{Type: m.text(parts[1]), Unit: m.text(parts[2])}}
	m.out.PeriodType = &profilev1.ValueType{Type: m.text(parts[3]), Unit: m.text(parts[4])}
	m.out.DefaultSampleType = m.out.SampleType[0].Type
	switch parts[0] { // the pushed period isn't kept: the server guesses
	case "process_cpu":
		m.out.Period = 1_000_000_000
	case "memory":
		m.out.Period = 512 * 1024
	default:
		m.out.Period = 1
	}
	for _, r := range records {
		for i := range r.Stacks {
			if s := &r.Stacks[i]; len(s.Locations) > 0 && f.takes(s, Names(s)) {
				m.add(s)
			}
		}
	}
	return m.out
}

type merger struct {
	out       *profilev1.Profile
	strings   map[string]int64
	mappings  map[series.Mapping]uint64
	functions map[series.Function]uint64
	locations map[string]uint64
	samples   map[string]*profilev1.Sample
}

func (m *merger) add(s *series.Stack) {
	ids := make([]uint64, len(s.Locations))
	for i, l := range s.Locations {
		ids[i] = m.location(l)
	}
	key := fmt.Sprint(ids)
	sample := m.samples[key]
	if sample == nil {
		sample = &profilev1.Sample{LocationId: ids, Value: []int64{0}}
		m.samples[key] = sample
		m.out.Sample = append(m.out.Sample, sample)
	}
	sample.Value[0] += s.Value
}

func (m *merger) text(s string) int64 {
	i, known := m.strings[s]
	if !known {
		i = int64(len(m.out.StringTable))
		m.strings[s] = i
		m.out.StringTable = append(m.out.StringTable, s)
	}
	return i
}

func (m *merger) location(l *series.Location) uint64 {
	next := &profilev1.Location{Id: uint64(len(m.out.Location) + 1), Address: l.Address}
	if l.Mapping != nil {
		next.MappingId = m.mapping(*l.Mapping)
		if l.Mapping.HasFunctions {
			next.Address = 0 // the server forgets the addresses of what has names
		}
	}
	key := fmt.Sprint(next.MappingId, next.Address)
	for _, line := range l.Lines {
		function := m.function(*line.Function)
		next.Line = append(next.Line, &profilev1.Line{FunctionId: function, Line: line.Line})
		key += fmt.Sprint(" ", function, ":", line.Line)
	}
	id, known := m.locations[key]
	if !known {
		id = next.Id
		m.locations[key] = id
		m.out.Location = append(m.out.Location, next)
	}
	return id
}

func (m *merger) function(f series.Function) uint64 {
	id, known := m.functions[f]
	if !known {
		id = uint64(len(m.out.Function) + 1)
		m.functions[f] = id
		m.out.Function = append(m.out.Function, &profilev1.Function{
			Id: id, Name: m.text(f.Name), SystemName: m.text(f.SystemName), Filename: m.text(f.File), StartLine: f.StartLine,
		})
	}
	return id
}

func (m *merger) mapping(from series.Mapping) uint64 {
	if from.HasFunctions {
		from.Start, from.Limit, from.Offset = 0, 0, 0
	}
	id, known := m.mappings[from]
	if !known {
		id = uint64(len(m.out.Mapping) + 1)
		m.mappings[from] = id
		m.out.Mapping = append(m.out.Mapping, &profilev1.Mapping{
			Id: id, MemoryStart: from.Start, MemoryLimit: from.Limit, FileOffset: from.Offset,
			Filename: m.text(from.File), BuildId: m.text(from.BuildID),
			HasFunctions: from.HasFunctions, HasFilenames: from.HasFilenames,
			HasLineNumbers: from.HasLineNumbers, HasInlineFrames: from.HasInlineFrames,
		})
	}
	return id
}
