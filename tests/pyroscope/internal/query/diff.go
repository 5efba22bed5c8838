package query

import querierv1 "github.com/grafana/pyroscope/api/gen/proto/go/querier/v1"

// pair is a function in two trees.
type pair struct {
	name        string
	left, right node // self and total only
	children    []*pair
}

func join(left, right *node) *pair {
	if left == nil {
		left = &node{name: right.name}
	}
	if right == nil {
		right = &node{name: left.name}
	}
	p := &pair{name: left.name, left: node{self: left.self, total: left.total}, right: node{self: right.self, total: right.total}}
	l, r := left.children, right.children
	for len(l) > 0 || len(r) > 0 {
		switch {
		case len(r) == 0 || len(l) > 0 && l[0].name < r[0].name:
			p.children, l = append(p.children, join(l[0], nil)), l[1:]
		case len(l) == 0 || r[0].name < l[0].name:
			p.children, r = append(p.children, join(nil, r[0])), r[1:]
		default:
			p.children, l, r = append(p.children, join(l[0], r[0])), l[1:], r[1:]
		}
	}
	return p
}

func (p *pair) larger() int64 { return max(p.left.total, p.right.total) }

func (p *pair) totals(collect func(int64)) {
	for _, c := range p.children {
		collect(c.larger())
		c.totals(collect)
	}
}

func (p *pair) drop(least int64) {
	var kept []*pair
	rest := &pair{name: other}
	for _, c := range p.children {
		if c.larger() >= least {
			c.drop(least)
			kept = append(kept, c)
			continue
		}
		rest.left.self += c.left.total
		rest.right.self += c.right.total
	}
	if rest.left.self > 0 || rest.right.self > 0 {
		rest.left.total, rest.right.total = rest.left.self, rest.right.self
		kept = append(kept, rest)
	}
	p.children = kept
}

// Diff lays out two trees as one flame graph: for each node distance, total and self on the left, the same on the right, name.
func Diff(left, right *node, maxNodes int64) *querierv1.FlameGraphDiff {
	root := join(left, right)
	if least := leastTotal(maxNodes, root.totals); least > 0 {
		root.drop(least)
	}
	g := &querierv1.FlameGraphDiff{
		Total: root.left.total + root.right.total, LeftTicks: root.left.total, RightTicks: root.right.total,
	}
	names := newNameTable()
	type end struct{ left, right int64 }
	var ends []end // of each level
	var place func(p *pair, depth int, x, y int64)
	place = func(p *pair, depth int, x, y int64) {
		if depth == len(g.Levels) {
			g.Levels = append(g.Levels, &querierv1.Level{})
			ends = append(ends, end{})
		}
		level, last := g.Levels[depth], &ends[depth]
		level.Values = append(level.Values, x-last.left, p.left.total, p.left.self, y-last.right, p.right.total, p.right.self, names.of(p.name))
		last.left, last.right = x+p.left.total, y+p.right.total
		g.MaxSelf = max(g.MaxSelf, p.left.self, p.right.self)
		x += p.left.self
		y += p.right.self
		for _, c := range p.children {
			place(c, depth+1, x, y)
			x += c.left.total
			y += c.right.total
		}
	}
	place(root, 0, 0, 0)
	g.Names = names.list
	return g
}
