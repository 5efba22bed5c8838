package contract

import (
	"encoding/hex"
	"strings"
	"time"
	"unicode/utf8"

	profilev1 "github.com/grafana/pyroscope/api/gen/proto/go/google/v1"

	"pyro.test/pyroscope/internal/series"
)

// validate refuses a profile, or fits it into the limits that only cut: depth and lengths of strings. It gives a profile without a
// time the present one.
func validate(p *profilev1.Profile, size int, ls series.Labels, now time.Time) error {
	if len(p.SampleType) == 0 {
		return refuse("empty profile")
	}
	if p.TimeNanos <= 0 {
		p.TimeNanos = now.UnixNano()
	} else if err := inWindow(p.TimeNanos, ls, now); err != nil {
		return err
	}
	if size > maxProfileBytes {
		return refuse("the profile with labels '%s' exceeds the size limit (actual: %d, limit: %d)", ls, size, maxProfileBytes)
	}
	if n := len(p.Sample); n > maxSamples {
		return refuse("the profile with labels '%s' exceeds the samples count limit (actual: %d, limit: %d)", ls, n, maxSamples)
	}
	for _, s := range p.Sample {
		if n := len(s.LocationId); n > maxDepth {
			s.LocationId = s.LocationId[n-maxDepth:] // the leaf comes first
		}
		if n := len(s.Label); n > maxSampleLabels {
			return refuse("the profile with labels '%s' exceeds the sample labels limit (actual: %d, limit: %d)", ls, n, maxSampleLabels)
		}
	}
	for i, s := range p.StringTable {
		if len(s) > maxSymbolBytes {
			p.StringTable[i] = s[len(s)-maxSymbolBytes:]
		}
	}
	if err := references(p); err != nil {
		return err
	}
	for _, t := range p.SampleType {
		if strings.Contains(p.StringTable[t.Type], "-") {
			return refuse("sample type contains -")
		}
	}
	for _, s := range p.StringTable {
		if !utf8.ValidString(s) {
			return refuse("invalid utf8 string hex: %s", hex.EncodeToString([]byte(s)))
		}
	}
	return nil
}

// inWindow compares milliseconds, both ends excluded.
func inWindow(nanos int64, ls series.Labels, now time.Time) error {
	at, from, to := nanos/1e6, now.Add(-maxAge).UnixMilli(), now.Add(maxAhead).UnixMilli()
	if at > from && at < to {
		return nil
	}
	text := func(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
	return refuse("profile with labels '%s' is outside of ingestion window (profile timestamp: %s, "+
		"the ingestion window starts at %s and ends at %s)", ls, text(at), text(from), text(to))
}

// references refuses what the server looks up before it repairs the rest: see normalize.
func references(p *profilev1.Profile) error {
	for _, l := range p.Location {
		if l.Id == 0 {
			return refuse("location id is 0")
		}
	}
	for _, f := range p.Function {
		if f.Id == 0 {
			return refuse("function id is 0")
		}
	}
	for _, s := range p.Sample {
		if len(s.Value) != len(p.SampleType) {
			return refuse("sample value length mismatch")
		}
	}
	if len(p.StringTable) == 0 || p.StringTable[0] != "" {
		return refuse("string 0 should be empty string")
	}
	out := func(index int64) bool { return index >= int64(len(p.StringTable)) }
	for _, t := range p.SampleType {
		if out(t.Type) {
			return refuse("sample type type string index out of range")
		}
	}
	for _, s := range p.Sample {
		for _, l := range s.Label {
			if out(l.Key) || out(l.Str) {
				return refuse("sample label string index out of range")
			}
		}
	}
	for _, f := range p.Function {
		if out(f.Name) || out(f.SystemName) || out(f.Filename) {
			return refuse("function string index out of range")
		}
	}
	for _, m := range p.Mapping {
		if out(m.Filename) || out(m.BuildId) {
			return refuse("mapping string index out of range")
		}
	}
	return nil
}
