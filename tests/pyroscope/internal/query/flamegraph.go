package query

import querierv1 "github.com/grafana/pyroscope/api/gen/proto/go/querier/v1"

// FlameGraph lays out a tree: a level for each depth, and in it for each node its distance from the one before, total, self, name.
func FlameGraph(root *node, maxNodes int64) *querierv1.FlameGraph {
	root.truncate(maxNodes)
	g := &querierv1.FlameGraph{Total: root.total}
	names := newNameTable()
	var ends []int64 // of each level
	var place func(n *node, depth int, x int64)
	place = func(n *node, depth int, x int64) {
		if depth == len(g.Levels) {
			g.Levels = append(g.Levels, &querierv1.Level{})
			ends = append(ends, 0)
		}
		level := g.Levels[depth]
		level.Values = append(level.Values, x-ends[depth], n.total, n.self, names.of(n.name))
		ends[depth] = x + n.total
		g.MaxSelf = max(g.MaxSelf, n.self)
		x += n.self
		for _, c := range n.children {
			place(c, depth+1, x)
			x += c.total
		}
	}
	place(root, 0, 0)
	g.Names = names.list
	return g
}
