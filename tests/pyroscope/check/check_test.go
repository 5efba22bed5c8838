package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/pprof/profile"
	pushv1 "github.com/grafana/pyroscope/api/gen/proto/go/push/v1"
	"github.com/grafana/pyroscope/api/gen/proto/go/push/v1/pushv1connect"
	typesv1 "github.com/grafana/pyroscope/api/gen/proto/go/types/v1"

	"pyro.test/pyroscope/internal/server"
)

// rideshare is a minute of the example as it should be, and what a test changes about it.
type rideshare struct {
	service  string
	regions  []string
	vehicles map[string]int64      // ns of CPU in a window
	lock     func(busy bool) int64 // ns of the lock in a window of eu-north's cars
	lost     int64                 // ns that are in the folded files only
	stray    string                // a vehicle that order_bike has for some of its CPU
}

func asItShouldBe() rideshare {
	return rideshare{
		service: service, regions: []string{"us-east", "eu-north", "ap-south"},
		vehicles: map[string]int64{"bike": 20e7, "scooter": 30e7, "car": 40e7},
		lock: func(busy bool) int64 {
			if busy {
				return 160e7
			}
			return 40e7
		},
	}
}

// play pushes twelve windows of 5 s, which begin a little after a multiple of 5 s, and writes the folded files. It begins within a
// calm period of 15 s.
func (r rideshare) play(t *testing.T, url, tenant, folded string) (from, to time.Time) {
	t.Helper()
	client := pushv1connect.NewPusherServiceClient(http.DefaultClient, url)
	begin := time.Now().Add(-10 * time.Minute).Truncate(30 * time.Second).Add(5 * time.Second)
	for _, region := range r.regions {
		sum := int64(0)
		for window := range 12 {
			at := begin.Add(time.Duration(window) * 5 * time.Second)
			p := r.profile(region, at.Unix()/15%2 == 1)
			p.TimeNanos = at.Add(time.Duration(window*7-40) * time.Millisecond).UnixNano()
			for _, s := range p.Sample {
				sum += s.Value[0]
			}
			var raw bytes.Buffer
			if err := p.Write(&raw); err != nil {
				t.Fatal(err)
			}
			request := connect.NewRequest(&pushv1.PushRequest{Series: []*pushv1.RawProfileSeries{{
				Labels: []*typesv1.LabelPair{
					{Name: "__name__", Value: "process_cpu"}, {Name: "service_name", Value: r.service}, {Name: "region", Value: region},
				},
				Samples: []*pushv1.RawSample{{RawProfile: raw.Bytes()}},
			}}})
			request.Header().Set("X-Scope-OrgID", tenant)
			if _, err := client.Push(context.Background(), request); err != nil {
				t.Fatal(err)
			}
		}
		text := fmt.Sprintf("main;order_car 1\nmain %d\n", sum+r.lost-1)
		if err := os.WriteFile(filepath.Join(folded, region+".folded"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return begin.Add(-time.Second), begin.Add(time.Minute)
}

func (r rideshare) profile(region string, busy bool) *profile.Profile {
	p := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "cpu", Unit: "nanoseconds"}},
		PeriodType: &profile.ValueType{Type: "cpu", Unit: "nanoseconds"}, Period: 1e7,
	}
	known := map[string]*profile.Location{}
	add := func(ns int64, vehicle string, frames ...string) {
		s := &profile.Sample{Value: []int64{ns}, Label: map[string][]string{}}
		if vehicle != "" {
			s.Label["vehicle"] = []string{vehicle}
		}
		for i := len(frames) - 1; i >= 0; i-- {
			name := frames[i]
			if known[name] == nil {
				f := &profile.Function{ID: uint64(len(p.Function) + 1), Name: name}
				p.Function = append(p.Function, f)
				known[name] = &profile.Location{ID: f.ID, Line: []profile.Line{{Function: f}}}
				p.Location = append(p.Location, known[name])
			}
			s.Location = append(s.Location, known[name])
		}
		p.Sample = append(p.Sample, s)
	}
	add(1e7, "", "main")
	for vehicle, ns := range r.vehicles {
		order := "ride order_" + vehicle + "(double)"
		add(1e7, "", "main", order)
		add(ns, vehicle, "main", order, "find_nearest_vehicle")
		if vehicle == "bike" && r.stray != "" {
			add(1e7, r.stray, "main", order, "find_nearest_vehicle")
		}
		if vehicle == "car" && region == "eu-north" {
			add(r.lock(busy), vehicle, "main", order, "find_nearest_vehicle", "mutex_lock", "nearest")
		}
	}
	return p
}

func runOn(t *testing.T, r rideshare, change func(*config)) (bool, string) {
	t.Helper()
	sink, err := server.New(server.Config{Multitenant: true})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(sink)
	defer web.Close()
	var out bytes.Buffer
	c := config{url: web.URL, tenant: "a", folded: t.TempDir(), window: 5 * time.Second, period: 15 * time.Second, out: &out}
	c.from, c.to = r.play(t, web.URL, c.tenant, c.folded)
	if change != nil {
		change(&c)
	}
	ok := run(c)
	return ok, out.String()
}

func TestRideshareAsItShouldBe(t *testing.T) {
	ok, out := runOn(t, asItShouldBe(), nil)
	if !ok || strings.Contains(out, "FAIL") || strings.Count(out, "\nok  ") != 12 {
		t.Errorf("%v:\n%s", ok, out)
	}
	t.Log("\n" + out)
	if !strings.Contains(out, "period by period, 50.0 % 80.0 % 50.0 % 80.0 %") {
		t.Errorf("the periods:\n%s", out)
	}
	ok, out = runOn(t, asItShouldBe(), func(c *config) { c.folded = "" })
	if !ok {
		t.Errorf("without folded files:\n%s", out)
	}
}

// Whatever goes wrong fails, with a line that tells.
func TestRideshareGoneWrong(t *testing.T) {
	for _, test := range []struct {
		name   string
		wrong  func(*rideshare)
		change func(*config)
		line   string
	}{
		{"another service", func(r *rideshare) { r.service = "other" }, nil, "there is the service ride-sharing-app"},
		{"a region too many", func(r *rideshare) { r.regions = append(r.regions, "mars") }, nil, "region has the values"},
		{"a region missing", func(r *rideshare) { r.regions = []string{"eu-north", "us-east"} }, func(c *config) { c.folded = "" }, "region has the values"},
		{"no scooters", func(r *rideshare) { delete(r.vehicles, "scooter") }, nil, "missing: 3 ap-south/scooter"},
		{"a nanosecond lost", func(r *rideshare) { r.lost = 1 }, nil, "us-east has"},
		{"more than 0.1 % lost", func(r *rideshare) { r.lost = 2e7 }, func(c *config) { c.tolerance = 0.001 }, "us-east has"},
		{"bikes first", func(r *rideshare) { r.vehicles["bike"] = 400e7 }, nil, "order_car has the most CPU"},
		{"scooters last", func(r *rideshare) { r.vehicles["scooter"] = 10e7 }, nil, "> order_bike"},
		{"a bike with a car's label", func(r *rideshare) { r.stray = "car" }, nil, `vehicle="car" has order_car`},
		{"no busy periods", func(r *rideshare) { r.lock = func(bool) int64 { return 40e7 } }, nil, "eu-north takes turns"},
		{"busy periods too alike", func(r *rideshare) {
			r.lock = func(busy bool) int64 {
				if busy {
					return 60e7
				}
				return 40e7
			}
		}, nil, "shows mutex_lock grown"},
		{"another tenant", nil, func(c *config) { c.tenant = "b" }, "there is the profile type"},
		{"no server", nil, func(c *config) { c.url = "http://127.0.0.1:1" }, "the profile types:"},
		{"no folded files", nil, func(c *config) { c.folded += "/nothing" }, "the folded files"},
		{"a range without data", nil, func(c *config) { c.to = c.from.Add(time.Millisecond) }, "us-east has 0 ns"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := asItShouldBe()
			if test.wrong != nil {
				test.wrong(&r)
			}
			ok, out := runOn(t, r, test.change)
			found := false
			for _, line := range strings.Split(out, "\n") {
				found = found || strings.HasPrefix(line, "FAIL") && strings.Contains(line, test.line)
			}
			if ok || !found {
				t.Errorf("%v:\n%s", ok, out)
			}
		})
	}
}

func TestATenthOfAPercentIsAllowedWhereSaid(t *testing.T) {
	r := asItShouldBe()
	r.lost = 1e6
	if ok, out := runOn(t, r, func(c *config) { c.tolerance = 0.001 }); !ok {
		t.Error(out)
	}
}

func TestItWaitsForData(t *testing.T) {
	sink, err := server.New(server.Config{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(sink)
	defer web.Close()
	var out bytes.Buffer
	c := config{url: web.URL, window: 5 * time.Second, period: 15 * time.Second, out: &out, wait: 20 * time.Second}
	c.from, c.to = time.Now().Add(-time.Hour), time.Now()
	done := make(chan bool)
	go func() { done <- run(c) }()
	time.Sleep(300 * time.Millisecond)
	asItShouldBe().play(t, web.URL, "", t.TempDir())
	if !<-done {
		t.Error(out.String())
	}
}
