package query

import (
	"maps"
	"regexp"
	"slices"

	"pyro.test/pyroscope/internal/series"
)

var shown = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// IsShown tells whether label lists show a name to a client that doesn't ask for all of UTF-8.
func IsShown(name string) bool { return shown.MatchString(name) }

func LabelNames(records []*series.Record) []string {
	found := map[string]bool{}
	for _, r := range records {
		for _, l := range r.Labels {
			found[l.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func LabelValues(records []*series.Record, name string) []string {
	found := map[string]bool{}
	for _, r := range records {
		if value := r.Labels.Get(name); value != "" {
			found[value] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Series gives the different label sets, of the labels that take names.
func Series(records []*series.Record, takes func(name string) bool) []series.Labels {
	found := map[string]series.Labels{}
	for _, r := range records {
		var ls series.Labels
		for _, l := range r.Labels {
			if takes(l.Name) {
				ls = append(ls, l)
			}
		}
		found[ls.String()] = ls
	}
	return slices.SortedFunc(maps.Values(found), func(a, b series.Labels) int {
		if a.Less(b) {
			return -1
		}
		return 1
	})
}
