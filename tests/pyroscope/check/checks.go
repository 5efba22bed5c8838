package main

import (
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	regions  = []string{"ap-south", "eu-north", "us-east"}
	vehicles = []string{"bike", "car", "scooter"}
)

type config struct {
	url, tenant    string
	from, to       time.Time
	folded         string
	tolerance      float64
	wait           time.Duration
	window, period time.Duration
	out            io.Writer
}

// checks prints one line for each thing that must hold.
type checks struct {
	config
	*asker
	failed bool
}

func (c *checks) check(ok bool, format string, args ...any) {
	word := "ok  "
	if !ok {
		word, c.failed = "FAIL", true
	}
	_, _ = fmt.Fprintf(c.out, "%s %s\n", word, fmt.Sprintf(format, args...))
}

func (c *checks) could(err error, what string) bool {
	if err != nil {
		c.check(false, "%s: %v", what, err)
	}
	return err == nil
}

// run is true if all holds.
func run(config config) bool {
	c := &checks{config: config, asker: newAsker(config)}
	var sums map[string]int64
	if config.folded != "" {
		var err error
		if sums, err = foldedSums(config.folded); !c.could(err, "the folded files") {
			return false
		}
	}
	c.awaitData(sums)
	c.labels()
	c.totals(sums)
	c.orders()
	c.cars()
	c.series()
	c.turns()
	return !c.failed
}

// awaitData returns when the regions are there, with all of the CPU that they are known to have, or when it has waited enough.
func (c *checks) awaitData(sums map[string]int64) {
	complete := func() bool {
		values, err := c.values("region", selector())
		if err != nil || len(values) < len(regions) {
			return false
		}
		for region, sum := range sums {
			_, got, err := c.flame(selector(fmt.Sprintf("region=%q", region)), c.asker.from, c.asker.to)
			if err != nil || float64(got) < float64(sum)*(1-c.tolerance) {
				return false
			}
		}
		return true
	}
	for end := time.Now().Add(c.wait); !complete() && time.Now().Before(end); {
		time.Sleep(250 * time.Millisecond)
	}
}

func (c *checks) labels() {
	if types, err := c.types(); c.could(err, "the profile types") {
		c.check(slices.Contains(types, cpu), "there is the profile type %s, of %d: %s", cpu, len(types), strings.Join(types, " "))
	}
	// With a matcher: without one a server may answer from an index that is some minutes behind.
	if services, err := c.values("service_name", selector()); c.could(err, "the services") {
		c.check(slices.Contains(services, service), "there is the service %s, of: %s", service, strings.Join(services, " "))
	}
	if got, err := c.values("region", selector()); c.could(err, "the regions") {
		slices.Sort(got)
		c.check(slices.Equal(got, regions), "region has the values %s, not more or fewer than: %s",
			strings.Join(got, " "), strings.Join(regions, " "))
	}
	sets, err := c.asker.series(selector(fmt.Sprintf("__profile_type__=%q", cpu)), "region", "vehicle")
	if !c.could(err, "the series") {
		return
	}
	var missing []string
	for _, region := range regions {
		for _, vehicle := range vehicles {
			found := slices.ContainsFunc(sets, func(set map[string]string) bool { return set["region"] == region && set["vehicle"] == vehicle })
			if !found {
				missing = append(missing, region+"/"+vehicle)
			}
		}
	}
	c.check(len(missing) == 0, "each of %d regions has series of each of %d vehicles; missing: %d %s",
		len(regions), len(vehicles), len(missing), strings.Join(missing, " "))
}

func (c *checks) totals(sums map[string]int64) {
	for _, region := range regions {
		_, got, err := c.flame(selector(fmt.Sprintf("region=%q", region)), c.asker.from, c.asker.to)
		if !c.could(err, region) {
			continue
		}
		if sums == nil {
			c.check(got > 0, "%s has %d ns of CPU", region, got)
			continue
		}
		want := sums[region]
		c.check(c.same(float64(got), want), "%s has %d ns of CPU, the folded file %d (allowed: %g %% apart)", region, got, want, 100*c.tolerance)
	}
}

func (c *checks) same(got float64, want int64) bool {
	return got > 0 && want > 0 && math.Abs(got-float64(want)) <= c.tolerance*float64(want)
}

var order = regexp.MustCompile(`order_[a-z]+`)

func (c *checks) orders() {
	frames, _, err := c.flame(selector(), c.asker.from, c.asker.to)
	if !c.could(err, "all regions") {
		return
	}
	sums := map[string]int64{"order_car": 0, "order_scooter": 0, "order_bike": 0}
	for _, f := range frames {
		if name := order.FindString(f.name); name != "" {
			sums[name] = total(frames, name, 0)
		}
	}
	first := "order_car"
	for name, sum := range sums {
		if sum > sums[first] {
			first = name
		}
	}
	c.check(first == "order_car" && sums[first] > 0, "of all orders order_car has the most CPU (the most: %s, %d ns)", first, sums[first])
	c.check(sums["order_car"] > sums["order_scooter"] && sums["order_scooter"] > sums["order_bike"] && sums["order_bike"] > 0,
		"order_car %d ns > order_scooter %d ns > order_bike %d ns > 0", sums["order_car"], sums["order_scooter"], sums["order_bike"])
}

func (c *checks) cars() {
	frames, _, err := c.flame(selector(`vehicle="car"`), c.asker.from, c.asker.to)
	if !c.could(err, "cars") {
		return
	}
	car, others := total(frames, "order_car", 0), total(frames, "order_bike", 0)+total(frames, "order_scooter", 0)
	c.check(car > 0 && others == 0, `vehicle="car" has order_car (%d ns), and nothing of order_bike and order_scooter (%d ns)`, car, others)
}

// series asks for whole steps, which both kinds of query then mean the same by: a point holds what is later than the point before.
func (c *checks) series() {
	north := selector(`region="eu-north"`)
	from, window := c.asker.from, c.window.Milliseconds()
	steps := (c.asker.to - from + window) / window
	end := from + steps*window - 1
	_, want, err := c.flame(north, from, end)
	if !c.could(err, "eu-north") {
		return
	}
	points, err := c.points(north, from+window-1, end, c.window)
	if !c.could(err, "eu-north's time series") {
		return
	}
	sum := 0.0
	for _, p := range points {
		sum += p.Value
	}
	c.check(c.same(sum, want), "eu-north's time series sums up to its flame graph: %.0f of %d ns in %d points", sum, want, len(points))
}
