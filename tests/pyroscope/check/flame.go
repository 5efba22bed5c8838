package main

import (
	"strings"

	querierv1 "github.com/grafana/pyroscope/api/gen/proto/go/querier/v1"
)

// frame is a node of a flame graph with the values of its sides: one of a flame graph, two of a diff.
type frame struct {
	name   string
	totals []int64
	parent *frame
}

// decode reads the levels of a flame graph (one side) or of a diff (two). A node is under the one that spans it on the level above.
func decode(levels []*querierv1.Level, names []string, sides int) []*frame {
	type placed struct {
		*frame
		begin []int64
	}
	var all []*frame
	var above []placed
	width := 3*sides + 1 // offset, total and self of each side, and the name
	for _, level := range levels {
		var here []placed
		end := make([]int64, sides)
		for v := level.Values; len(v) >= width; v = v[width:] {
			node := placed{&frame{name: names[v[width-1]]}, make([]int64, sides)}
			for side := range sides {
				node.begin[side] = end[side] + v[3*side]
				node.totals = append(node.totals, v[3*side+1])
				end[side] = node.begin[side] + v[3*side+1]
			}
			for _, p := range above {
				for side := range sides {
					if x := node.begin[side]; node.totals[side] > 0 && p.begin[side] <= x && x < p.begin[side]+p.totals[side] {
						node.parent = p.frame
					}
				}
			}
			here = append(here, node)
			all = append(all, node.frame)
		}
		above = here
	}
	return all
}

// total sums up a side of the frames whose names contain a text. What such a frame calls is in it already.
func total(frames []*frame, text string, side int) int64 {
	var sum int64
	for _, f := range frames {
		if strings.Contains(f.name, text) && !under(f, text) {
			sum += f.totals[side]
		}
	}
	return sum
}

func under(f *frame, text string) bool {
	for p := f.parent; p != nil; p = p.parent {
		if strings.Contains(p.name, text) {
			return true
		}
	}
	return false
}
