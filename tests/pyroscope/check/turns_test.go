package main

import (
	"slices"
	"testing"
)

func TestTakeTurns(t *testing.T) {
	for _, test := range []struct {
		name    string
		numbers []int64
		percent []int64
		want    bool
	}{
		{"up and down", []int64{4, 5, 6}, []int64{50, 80, 51}, true},
		{"down and up", []int64{4, 5, 6}, []int64{80, 50, 66}, true},
		{"up and up", []int64{4, 5, 6}, []int64{20, 50, 80}, false},
		{"too little", []int64{4, 5, 6}, []int64{50, 80, 70}, false},
		{"two", []int64{4, 5}, []int64{50, 80}, true},
		{"a gap between two pairs", []int64{4, 5, 7, 8}, []int64{50, 80, 50, 80}, true},
		{"nothing to compare", []int64{4, 6}, []int64{50, 80}, false},
		{"one", []int64{4}, []int64{50}, false},
		{"none", nil, nil, false},
	} {
		periods := map[int64]share{}
		for i, number := range test.numbers {
			periods[number] = share{test.percent[i], 100}
		}
		if got := takeTurns(slices.Clone(test.numbers), periods); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
