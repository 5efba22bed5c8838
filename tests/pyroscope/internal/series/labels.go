// Package series holds what a server keeps of a profile: labels, stacks and values, one record a series and sample type.
package series

import (
	"sort"
	"strconv"
	"strings"
)

type Label struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Labels are sorted by name. Names can be there twice until a push was checked.
type Labels []Label

func (ls Labels) Get(name string) string {
	for _, l := range ls {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

func (ls Labels) Sort() {
	sort.SliceStable(ls, func(i, j int) bool { return ls[i].Name < ls[j].Name })
}

// Only gives the labels with these names, in the order of the names.
func (ls Labels) Only(names []string) Labels {
	var out Labels
	for _, name := range names {
		for _, l := range ls {
			if l.Name == name {
				out = append(out, l)
				break
			}
		}
	}
	return out
}

func (ls Labels) String() string {
	var b strings.Builder
	b.WriteByte('{')
	for i, l := range ls {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(l.Name)
		b.WriteByte('=')
		b.WriteString(strconv.Quote(l.Value))
	}
	b.WriteByte('}')
	return b.String()
}

// Less orders label sets as the server lists them.
func (ls Labels) Less(other Labels) bool {
	for i := 0; i < len(ls) && i < len(other); i++ {
		if ls[i].Name != other[i].Name {
			return ls[i].Name < other[i].Name
		}
		if ls[i].Value != other[i].Value {
			return ls[i].Value < other[i].Value
		}
	}
	return len(ls) < len(other)
}
