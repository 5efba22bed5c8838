package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

const (
	apart  = 0.15 // by which the lock's share changes from a calm period to a busy one, at least
	enough = 5e8  // ns of CPU that a period must have, or chance decides
)

type span struct{ from, to int64 } // ms, both included

// share is what the lock has of the CPU of some time.
type share struct{ lock, all int64 }

func (s share) of() float64 { return float64(s.lock) / float64(s.all) }

// turns looks for calm and busy periods of eu-north's cars. A period begins where the clock, since 1970, is a multiple of it, and a
// profile begins at about a multiple of a window, some milliseconds before or after: so the windows that are asked for begin half a
// window earlier.
func (c *checks) turns() {
	window, period := c.window.Milliseconds(), c.period.Milliseconds()
	first := c.asker.from/window*window - window/2
	points, err := c.points(selector(`region="eu-north"`, `vehicle="car"`), first+window-1, c.asker.to+window, c.window)
	if !c.could(err, "eu-north's cars") {
		return
	}
	periods := map[int64]share{}
	for _, p := range points {
		if p.Value == 0 {
			continue
		}
		begin := p.Timestamp - window + 1
		frames, all, err := c.flame(selector(`region="eu-north"`, `vehicle="car"`), max(begin, c.asker.from), p.Timestamp)
		if !c.could(err, "a window of eu-north's cars") {
			return
		}
		number := (begin + window/2) / period // of the period that the window's middle is in
		s := periods[number]
		periods[number] = share{s.lock + total(frames, "mutex_lock", 0), s.all + all}
	}
	maps.DeleteFunc(periods, func(_ int64, s share) bool { return s.all < enough })
	numbers := slices.Sorted(maps.Keys(periods))
	c.check(takeTurns(numbers, periods), "eu-north takes turns: of the cars' CPU mutex_lock has, period by period,%s "+
		"(allowed: changes of %.0f points or more, up and down)", texts(numbers, periods), 100*apart)
	if len(numbers) < 2 {
		return
	}
	slices.SortFunc(numbers, func(a, b int64) int {
		if periods[a].of() < periods[b].of() {
			return -1
		}
		return 1
	})
	at := func(number int64) span {
		begin := number*period - window/2
		return span{max(begin, c.asker.from), begin + period - 1}
	}
	c.grown(at(numbers[0]), at(numbers[len(numbers)-1]))
}

func takeTurns(numbers []int64, periods map[int64]share) bool {
	last, pairs := 0.0, 0
	for i, number := range numbers {
		if i == 0 || numbers[i-1] != number-1 {
			last = 0
			continue
		}
		change := periods[number].of() - periods[number-1].of()
		if math.Abs(change) < apart || change*last > 0 {
			return false
		}
		last = change
		pairs++
	}
	return pairs > 0
}

func texts(numbers []int64, periods map[int64]share) string {
	var b strings.Builder
	for _, number := range numbers {
		fmt.Fprintf(&b, " %.1f %%", 100*periods[number].of())
	}
	return b.String()
}

// grown compares a calm and a busy period of all of eu-north.
func (c *checks) grown(calm, busy span) {
	frames, ticks, err := c.diff(selector(`region="eu-north"`), calm, busy)
	if !c.could(err, "the diff of a calm and a busy period") {
		return
	}
	if ticks[0] == 0 || ticks[1] == 0 {
		c.check(false, "the diff of a calm and a busy period has two sides: %d ns and %d ns", ticks[0], ticks[1])
		return
	}
	left, right := share{total(frames, "mutex_lock", 0), ticks[0]}, share{total(frames, "mutex_lock", 1), ticks[1]}
	c.check(right.of()-left.of() >= apart, "the diff of a calm and a busy period shows mutex_lock grown: from %.1f %% to %.1f %% of "+
		"eu-north (allowed: %.0f points or more)", 100*left.of(), 100*right.of(), 100*apart)
}
