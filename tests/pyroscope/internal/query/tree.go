package query

import (
	"fmt"
	"path"
	"slices"
	"sort"

	"pyro.test/pyroscope/internal/series"
)

// other is where the server puts the nodes that are too small to be shown.
const other = "other"

// node is a function under its callers. Its children are sorted by name.
type node struct {
	name        string
	self, total int64
	children    []*node
}

func (n *node) child(name string) *node {
	i := sort.Search(len(n.children), func(i int) bool { return n.children[i].name >= name })
	if i < len(n.children) && n.children[i].name == name {
		return n.children[i]
	}
	c := &node{name: name}
	n.children = slices.Insert(n.children, i, c)
	return c
}

// Filter narrows down the stacks of a query.
type Filter struct {
	Spans    []string
	Traces   []string
	CallSite []string // root first: only stacks that begin so
}

func (f Filter) takes(s *series.Stack, names []string) bool {
	switch {
	case len(f.Spans) > 0 && (s.Span == "" || !slices.Contains(f.Spans, s.Span)):
		return false
	case len(f.Traces) > 0 && (s.Trace == "" || !slices.Contains(f.Traces, s.Trace)):
		return false
	}
	return len(names) >= len(f.CallSite) && slices.Equal(names[:len(f.CallSite)], f.CallSite)
}

// Tree merges records by function names. A stack without a frame has no place in it.
func Tree(records []*series.Record, f Filter) *node {
	root := &node{}
	for _, r := range records {
		for i := range r.Stacks {
			s := &r.Stacks[i]
			names := Names(s)
			if len(names) == 0 || !f.takes(s, names) {
				continue
			}
			n := root
			n.total += s.Value
			for _, name := range names {
				n = n.child(name)
				n.total += s.Value
			}
			n.self += s.Value
		}
	}
	return root
}

// Names are the functions of a stack, its root first.
func Names(s *series.Stack) []string {
	var out []string
	for i := len(s.Locations) - 1; i >= 0; i-- {
		l := s.Locations[i]
		for j := len(l.Lines) - 1; j >= 0; j-- {
			out = append(out, l.Lines[j].Function.Name)
		}
		if len(l.Lines) == 0 {
			file := "unknown"
			if l.Mapping != nil && l.Mapping.File != "" {
				file = path.Base(l.Mapping.File)
			}
			out = append(out, fmt.Sprintf("%s!0x%x", file, l.Address))
		}
	}
	return out
}

// truncate keeps about so many of the largest nodes, and sums up the rest under "other". 0 keeps all.
func (n *node) truncate(nodes int64) {
	if least := leastTotal(nodes, n.totals); least > 0 {
		n.drop(least)
	}
}

func (n *node) totals(collect func(int64)) {
	for _, c := range n.children {
		collect(c.total)
		c.totals(collect)
	}
}

func (n *node) drop(least int64) {
	var dropped int64
	n.children = slices.DeleteFunc(n.children, func(c *node) bool {
		if c.total >= least || c.name == other {
			c.drop(least)
			return false
		}
		dropped += c.total
		return true
	})
	if dropped > 0 {
		o := n.child(other)
		o.self += dropped
		o.total += dropped
	}
}

// leastTotal is the total that the last of so many nodes has, 0 if all are to stay.
func leastTotal(nodes int64, each func(collect func(int64))) int64 {
	if nodes < 1 {
		return 0
	}
	var totals []int64
	each(func(total int64) { totals = append(totals, total) })
	if int64(len(totals)) <= nodes {
		return 0
	}
	slices.Sort(totals)
	return totals[int64(len(totals))-nodes]
}
