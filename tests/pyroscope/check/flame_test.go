package main

import (
	"testing"

	querierv1 "github.com/grafana/pyroscope/api/gen/proto/go/querier/v1"
)

func TestWhatAFunctionCallsIsInItAlready(t *testing.T) {
	names := []string{"total", "a", "lock", "b"}
	levels := []*querierv1.Level{
		{Values: []int64{0, 10, 0, 0}},
		{Values: []int64{0, 6, 1, 1, 0, 4, 0, 2}},
		{Values: []int64{1, 5, 2, 2, 0, 4, 4, 3}}, // under a and under lock
		{Values: []int64{3, 3, 3, 2}},             // a lock that a lock calls
	}
	frames := decode(levels, names, 1)
	for name, want := range map[string]int64{"lock": 9, "b": 4, "total": 10} {
		if got := total(frames, name, 0); got != want {
			t.Errorf("%s has %d, want %d", name, got, want)
		}
	}
}

func TestTheSidesOfADiff(t *testing.T) {
	names := []string{"total", "left", "right", "x"}
	levels := []*querierv1.Level{
		{Values: []int64{0, 5, 0, 0, 7, 0, 0}},
		{Values: []int64{0, 5, 1, 0, 0, 0, 1, 0, 0, 0, 0, 7, 2, 2}},
		{Values: []int64{1, 4, 4, 0, 0, 0, 3, 0, 0, 0, 2, 5, 5, 3}},
	}
	frames := decode(levels, names, 2)
	if left, right := total(frames, "x", 0), total(frames, "x", 1); left != 4 || right != 5 {
		t.Errorf("x has %d and %d", left, right)
	}
	if frames[3].parent.name != "left" || frames[4].parent.name != "right" {
		t.Errorf("x is under %s and %s", frames[3].parent.name, frames[4].parent.name)
	}
}
