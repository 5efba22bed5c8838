package contract

import (
	"slices"
	"unicode/utf8"

	"pyro.test/pyroscope/internal/series"
)

const (
	fallbackService = "unknown_service"
	sessionID       = "__session_id__"
)

// seriesLabels completes the labels of a pushed series. Duplicates stay: check refuses them.
func seriesLabels(pushed series.Labels) series.Labels {
	ls := slices.Clone(pushed)
	if ls.Get(series.ServiceName) == "" {
		ls = append(ls, series.Label{Name: series.ServiceName, Value: fallbackService})
	}
	ls.Sort()
	if i := slices.IndexFunc(ls, func(l series.Label) bool { return l.Name == sessionID }); i >= 0 {
		ls = slices.Delete(ls, i, i+1)
	}
	return ls
}

// merge joins the labels of a series and of its samples: the series wins. An empty value of a series takes all labels of that name
// with it, so that an empty service_name also removes the fallback, and a sample's label can take the place.
func merge(ofSeries, ofSample series.Labels) series.Labels {
	empty := map[string]bool{}
	for _, l := range ofSeries {
		if l.Value == "" {
			empty[l.Name] = true
		}
	}
	var out series.Labels
	for _, l := range ofSeries {
		if !empty[l.Name] {
			out = append(out, l)
		}
	}
	for _, l := range ofSample {
		if out.Get(l.Name) == "" {
			out = append(out, l)
		}
	}
	out.Sort()
	return out
}

// check refuses a label set. The names only need to be UTF-8: those that Prometheus doesn't know are stored, and hidden by queries.
func check(ls series.Labels) error {
	invalid := func(why string) error { return refuse("invalid labels '%s' with error: %s", ls, why) }
	if len(ls) > maxLabels {
		return refuse("profile series '%s' has %d label names; limit %d", ls, len(ls), maxLabels)
	}
	if name := ls.Get(series.ProfileName); name == "" || !utf8.ValidString(name) {
		return invalid("invalid metric name")
	}
	if ls.Get(series.ServiceName) == "" {
		return invalid("service name is not provided")
	}
	last := ""
	for _, l := range ls {
		switch {
		case len(l.Name) > maxLabelName:
			return refuse("profile with labels '%s' has label name too long: '%s'", ls, l.Name)
		case len(l.Value) > maxLabelValue:
			return refuse("profile with labels '%s' has label value too long: '%s'", ls, l.Value)
		case l.Name == "" || !utf8.ValidString(l.Name):
			return invalid("invalid label name '" + l.Name + "'")
		case !utf8.ValidString(l.Value):
			return invalid("invalid label value '" + l.Value + "'")
		case l.Name == last:
			return refuse("profile with labels '%s' has duplicate label name: '%s'", ls, l.Name)
		}
		last = l.Name
	}
	return nil
}
