// Command check asks a Pyroscope server, or the sink, whether it shows what the rideshare example is known to do.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	c := config{out: os.Stdout}
	var from, to string
	flag.StringVar(&c.url, "url", "", "the server, such as http://127.0.0.1:4040")
	flag.StringVar(&c.tenant, "tenant", "", "X-Scope-OrgID to ask with")
	flag.StringVar(&from, "from", "", "only profiles from this time on (RFC 3339; an hour ago)")
	flag.StringVar(&to, "to", "", "only profiles up to this time (RFC 3339; in a minute)")
	flag.StringVar(&c.folded, "folded", "", "folder of REGION.folded, whose sums the server must have")
	flag.Float64Var(&c.tolerance, "tolerance", 0, "how far these sums can be apart: 0 for the sink, 0.001 for a real server")
	flag.DurationVar(&c.wait, "wait", 30*time.Second, "how long to wait for data")
	flag.DurationVar(&c.window, "window", 5*time.Second, "length of a profile")
	flag.DurationVar(&c.period, "period", 15*time.Second, "length of eu-north's calm and busy periods")
	flag.Parse()

	usage := func(text string) {
		fmt.Fprintln(os.Stderr, "check:", text)
		os.Exit(2)
	}
	if c.url == "" || flag.NArg() > 0 {
		usage("give -url, and no arguments")
	}
	if c.window < 2*time.Millisecond || c.period < c.window {
		usage("-window must be 2 ms or more, -period no less than -window")
	}
	c.from, c.to = time.Now().Add(-time.Hour), time.Now().Add(time.Minute)
	for _, given := range []struct {
		text string
		time *time.Time
	}{{from, &c.from}, {to, &c.to}} {
		if given.text == "" {
			continue
		}
		parsed, err := time.Parse(time.RFC3339, given.text)
		if err != nil {
			usage(err.Error())
		}
		*given.time = parsed
	}
	if !run(c) {
		os.Exit(1)
	}
}
