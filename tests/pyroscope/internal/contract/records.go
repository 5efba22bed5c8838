package contract

import (
	"encoding/json"
	"strings"

	profilev1 "github.com/grafana/pyroscope/api/gen/proto/go/google/v1"

	"pyro.test/pyroscope/internal/series"
)

// records makes one record of each series and sample type. A type that has only zeros in a series isn't there at all.
func records(tenant string, p *profilev1.Profile, ofSeries series.Labels, groups []*group) []series.Record {
	var out []series.Record
	known := locations(p, ofSeries)
	for _, g := range groups {
		for i, t := range p.SampleType {
			var stacks []series.Stack
			for _, s := range g.samples {
				if s.Value[i] == 0 {
					continue
				}
				stack := series.Stack{Value: s.Value[i]}
				stack.Span, stack.Trace = identifiers(p, s)
				for _, id := range s.LocationId {
					stack.Locations = append(stack.Locations, known[id])
				}
				stacks = append(stacks, stack)
			}
			if stacks != nil {
				out = append(out, series.Record{Tenant: tenant, Labels: typeLabels(p, t, g.labels), Nanos: p.TimeNanos, Stacks: stacks})
			}
		}
	}
	return out
}

// typeLabels adds the labels that the server makes for a sample type, over those of the same names that were pushed.
func typeLabels(p *profilev1.Profile, t *profilev1.ValueType, ls series.Labels) series.Labels {
	sampleType, sampleUnit := p.StringTable[t.Type], p.StringTable[t.Unit]
	var periodType, periodUnit string
	if p.PeriodType != nil {
		periodType, periodUnit = p.StringTable[p.PeriodType.Type], p.StringTable[p.PeriodType.Unit]
	}
	name := ls.Get(series.ProfileName)
	made := series.Labels{
		{Name: "__period_type__", Value: periodType},
		{Name: "__period_unit__", Value: periodUnit},
		{Name: series.ProfileType, Value: strings.Join([]string{name, sampleType, sampleUnit, periodType, periodUnit}, ":")},
		{Name: "__service_name__", Value: ls.Get(series.ServiceName)},
		{Name: "__type__", Value: sampleType},
		{Name: "__unit__", Value: sampleUnit},
	}
	var out series.Labels
	for _, l := range made {
		if l.Value != "" {
			out = append(out, l)
		}
	}
	return merge(out, ls)
}

func locations(p *profilev1.Profile, ls series.Labels) map[uint64]*series.Location {
	text := func(index int64) string { return p.StringTable[index] }
	mappings := map[uint64]*series.Mapping{}
	for _, m := range p.Mapping {
		mappings[m.Id] = &series.Mapping{
			Start: m.MemoryStart, Limit: m.MemoryLimit, Offset: m.FileOffset,
			File: text(m.Filename), BuildID: buildID(text(m.BuildId), ls),
			HasFunctions: m.HasFunctions, HasFilenames: m.HasFilenames,
			HasLineNumbers: m.HasLineNumbers, HasInlineFrames: m.HasInlineFrames,
		}
	}
	functions := map[uint64]*series.Function{}
	for _, f := range p.Function {
		functions[f.Id] = &series.Function{
			Name: text(f.Name), SystemName: text(f.SystemName), File: text(f.Filename), StartLine: f.StartLine,
		}
	}
	out := map[uint64]*series.Location{}
	for _, l := range p.Location {
		location := &series.Location{Address: l.Address, Mapping: mappings[l.MappingId]}
		for _, line := range l.Line {
			location.Lines = append(location.Lines, series.Line{Function: functions[line.FunctionId], Line: line.Line})
		}
		out[l.Id] = location
	}
	return out
}

// buildID carries where a service's source is, if its labels tell: the UI's source view reads that from a mapping.
func buildID(id string, ls series.Labels) string {
	source := struct {
		Repository string `json:"repository,omitempty"`
		GitRef     string `json:"git_ref,omitempty"`
		BuildID    string `json:"build_id,omitempty"`
		RootPath   string `json:"root_path,omitempty"`
	}{ls.Get("service_repository"), ls.Get("service_git_ref"), id, ls.Get("service_root_path")}
	if source.Repository == "" && source.GitRef == "" && source.RootPath == "" {
		return id
	}
	text, err := json.Marshal(source)
	if err != nil {
		return id
	}
	return string(text)
}
