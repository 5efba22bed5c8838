package server

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	profilev1 "github.com/grafana/pyroscope/api/gen/proto/go/google/v1"
	typesv1 "github.com/grafana/pyroscope/api/gen/proto/go/types/v1"

	"pyro.test/pyroscope/internal/contract"
)

const ok = connect.Code(0)

// A push of good labels with one profile, and one of other labels with a good profile: what is answered, and what is stored of it.
func TestLimits(t *testing.T) {
	many := func(n int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf("l%02d", i), "x")
		}
		return out
	}
	long := func(n int) string { return strings.Repeat("n", n) }
	labelled := func(n int) func(s *sink) []byte {
		return func(s *sink) []byte {
			p := s.cpuProfile(st(1e7, "main"))
			for i := range n {
				p.Sample[0].NumLabel = map[string][]int64{}
				p.Sample[0].Label[fmt.Sprintf("l%d", i)] = []string{""}
			}
			return s.encode(p)
		}
	}
	at := func(age time.Duration) func(*sink) []byte {
		return func(s *sink) []byte {
			p := s.cpuProfile(st(1e7, "main"))
			p.TimeNanos = s.now.Add(-age).UnixNano()
			return s.encode(p)
		}
	}
	mistake := func(m func(*profilev1.Profile)) func(*sink) []byte {
		return func(s *sink) []byte { return s.broken(s.cpuProfile(st(1e7, "main")), m) }
	}
	samples := func(n int) func(*sink) []byte {
		return func(s *sink) []byte {
			p := s.cpuProfile(st(1e7, "main"))
			for len(p.Sample) < n {
				p.Sample = append(p.Sample, p.Sample[0])
			}
			return s.encode(p)
		}
	}
	bytes := func(n int) func(*sink) []byte { // that gzip can't make smaller
		return func(s *sink) []byte {
			p := s.cpuProfile(st(1e7, "main"))
			noise := rand.New(rand.NewPCG(1, 2))
			for length := 0; length < n; length += 60_002 {
				text := make([]byte, min(60_000, n-length))
				for i := range text {
					text[i] = byte('a' + noise.IntN(26))
				}
				p.Comments = append(p.Comments, string(text))
			}
			return s.encode(p)
		}
	}
	good := func(s *sink) []byte { return s.encode(s.cpuProfile(st(1e7, "main"))) }

	tests := []struct {
		name    string
		labels  []*typesv1.LabelPair
		raw     func(*sink) []byte
		code    connect.Code
		outcome string
	}{
		{"a good one", ride(), good, ok, contract.Stored},
		{"no labels", nil, good, connect.CodeInvalidArgument, contract.Refused},
		{"no __name__", labels("service_name", "ride"), good, connect.CodeInvalidArgument, contract.Refused},
		{"__name__ empty", labels("__name__", "", "service_name", "ride"), good, connect.CodeInvalidArgument, contract.Refused},
		{"no service_name", labels("__name__", "process_cpu"), good, ok, contract.Stored},
		{"service_name empty", labels("__name__", "process_cpu", "service_name", ""), good, connect.CodeInvalidArgument, contract.Refused},
		{"names outside of [A-Za-z_][A-Za-z0-9_]*", ride("a-b", "1", "a.b", "2", "é", "3", "1a", "4"), good, ok, contract.Stored},
		{"a name that is no UTF-8", ride("\xff", "1"), good, connect.CodeInvalidArgument, contract.Refused},
		{"a value that is no UTF-8", ride("a", "\xff"), good, connect.CodeInvalidArgument, contract.Refused},
		{"a name that is empty", ride("", "1"), good, connect.CodeInvalidArgument, contract.Refused},
		{"a value that is empty", ride("a", ""), good, ok, contract.Stored},
		{"a name twice", ride("a", "1", "a", "2"), good, connect.CodeInvalidArgument, contract.Refused},
		{"a name and its value twice", ride("a", "1", "a", "1"), good, connect.CodeInvalidArgument, contract.Refused},
		{"30 labels", ride(many(28)...), good, ok, contract.Stored},
		{"31 labels", ride(many(29)...), good, connect.CodeInvalidArgument, contract.Refused},
		{"30 labels and one of a sample", ride(many(28)...), func(s *sink) []byte {
			return s.encode(s.cpuProfile(st(1e7, "main"), st(1e7, "main").with("vehicle", "car")))
		}, connect.CodeInvalidArgument, contract.Refused},
		{"a name of 1024 bytes", ride(long(1024), "x"), good, ok, contract.Stored},
		{"a name of 1025 bytes", ride(long(1025), "x"), good, connect.CodeInvalidArgument, contract.Refused},
		{"a value of 2048 bytes", ride("a", long(2048)), good, ok, contract.Stored},
		{"a value of 2049 bytes", ride("a", long(2049)), good, connect.CodeInvalidArgument, contract.Refused},

		{"more than 4 MiB", ride(), bytes(4<<20 + 1), connect.CodeInvalidArgument, contract.Refused},
		{"less than 2 MB", ride(), bytes(2<<20 - 4096), ok, contract.Stored},
		{"more than 2 MB", ride(), bytes(2<<20 + 1), connect.CodeResourceExhausted, contract.Refused},
		{"16,000 samples", ride(), samples(16_000), ok, contract.Stored},
		{"16,001 samples", ride(), samples(16_001), connect.CodeInvalidArgument, contract.Refused},
		{"100 labels of a sample", ride(), labelled(100), ok, contract.Stored},
		{"101 labels of a sample", ride(), labelled(101), connect.CodeInvalidArgument, contract.Refused},

		{"10 minutes ahead", ride(), at(-10 * time.Minute), connect.CodeInvalidArgument, contract.Refused},
		{"nearly 10 minutes ahead", ride(), at(-10*time.Minute + time.Second), ok, contract.Stored},
		{"an hour old", ride(), at(time.Hour), connect.CodeInvalidArgument, contract.Refused},
		{"nearly an hour old", ride(), at(time.Hour - time.Second), ok, contract.Stored},
		{"of no time", ride(), mistake(func(p *profilev1.Profile) { p.TimeNanos = 0 }), ok, contract.Stored},
		{"of a negative time", ride(), mistake(func(p *profilev1.Profile) { p.TimeNanos = -5 }), ok, contract.Stored},

		{"no sample types", ride(), mistake(func(p *profilev1.Profile) { p.SampleType = nil }), connect.CodeInvalidArgument, contract.Refused},
		{"too few values", ride(), mistake(func(p *profilev1.Profile) { p.Sample[0].Value = []int64{1} }), connect.CodeInvalidArgument, contract.Refused},
		{"a - in a sample type", ride(), func(s *sink) []byte {
			p := s.cpuProfile(st(1e7, "main"))
			p.SampleType[1].Type = "cpu-time"
			return s.encode(p)
		}, connect.CodeInvalidArgument, contract.Refused},
		{"bad UTF-8", ride(), mistake(func(p *profilev1.Profile) { p.StringTable = append(p.StringTable, "\xff") }), connect.CodeInvalidArgument, contract.Refused},
		{"string 0 not empty", ride(), mistake(func(p *profilev1.Profile) { p.StringTable[0] = "x" }), connect.CodeInvalidArgument, contract.Refused},
		{"location 0", ride(), mistake(func(p *profilev1.Profile) { p.Location[0].Id = 0 }), connect.CodeInvalidArgument, contract.Refused},
		{"function 0", ride(), mistake(func(p *profilev1.Profile) { p.Function[0].Id = 0 }), connect.CodeInvalidArgument, contract.Refused},
		{"a string index too large", ride(), mistake(func(p *profilev1.Profile) { p.Function[0].Name = 1000 }), connect.CodeInvalidArgument, contract.Refused},

		{"no samples", ride(), func(s *sink) []byte { return s.encode(s.cpuProfile()) }, ok, contract.Dropped},
		{"no samples and no labels", nil, func(s *sink) []byte { return s.encode(s.cpuProfile()) }, ok, contract.Dropped},
		{"all zero", ride(), mistake(func(p *profilev1.Profile) { p.Sample[0].Value = []int64{0, 0} }), ok, contract.Dropped},
		{"negative", ride(), mistake(func(p *profilev1.Profile) { p.Sample[0].Value = []int64{1, -1} }), ok, contract.Dropped},
		{"a location that isn't there", ride(), mistake(func(p *profilev1.Profile) { p.Sample[0].LocationId = []uint64{99} }), ok, contract.Dropped},
		{"a function that isn't there", ride(), mistake(func(p *profilev1.Profile) { p.Location[0].Line[0].FunctionId = 99 }), ok, contract.Dropped},
		{"a mapping that isn't there", ride(), mistake(func(p *profilev1.Profile) { p.Location[0].MappingId = 99 }), ok, contract.Dropped},
		{"no mapping", ride(), mistake(func(p *profilev1.Profile) { p.Mapping, p.Location[0].MappingId = nil, 0 }), ok, contract.Stored},
		{"no period type", ride(), mistake(func(p *profilev1.Profile) { p.PeriodType = nil }), ok, contract.Stored},
		{"no period type, and a zero sample with the only use of a function", ride(), mistake(func(p *profilev1.Profile) {
			p.PeriodType, p.Sample[0].Value = nil, []int64{0, 0}
		}), connect.CodeUnknown, contract.Refused},

		{"nothing", ride(), func(*sink) []byte { return nil }, connect.CodeUnknown, contract.Unparsable},
		{"9 bytes", ride(), func(*sink) []byte { return []byte("123456789") }, connect.CodeUnknown, contract.Unparsable},
		{"garbage", ride(), func(*sink) []byte { return []byte("this is no profile at all") }, connect.CodeUnknown, contract.Unparsable},
		{"a truncated gzip", ride(), func(s *sink) []byte { b := good(s); return b[:len(b)-12] }, connect.CodeUnknown, contract.Unparsable},
		{"a truncated protobuf", ride(), func(s *sink) []byte {
			b := s.broken(s.cpuProfile(st(1e7, "main")), func(*profilev1.Profile) {})
			return b[:len(b)-1]
		}, connect.CodeUnknown, contract.Unparsable},
	}
	statuses := map[connect.Code]int{ok: 200, connect.CodeInvalidArgument: 400, connect.CodeResourceExhausted: 429, connect.CodeUnknown: 500}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, Config{})
			err := s.send(test.labels, [][]byte{test.raw(s)})
			if got := codeOf(err); got != test.code {
				t.Errorf("got %v (%v), want %v", got, err, test.code)
			}
			last := s.last()
			if last.Status != statuses[test.code] {
				t.Errorf("the status is %d, want %d", last.Status, statuses[test.code])
			}
			if got := last.Profiles[0].Outcome; got != test.outcome {
				t.Errorf("the profile is %s, want %s", got, test.outcome)
			}
			if stored := len(s.sets()) > 0; stored != (test.outcome == contract.Stored) {
				t.Errorf("series there: %v", s.sets())
			}
		})
	}
}

func codeOf(err error) connect.Code {
	if err == nil {
		return ok
	}
	return connect.CodeOf(err)
}

func TestOneRequestWithGoodAndBadProfiles(t *testing.T) {
	s := start(t, Config{})
	good := s.encode(s.cpuProfile(st(1e7, "main")))
	err := s.send(ride(), [][]byte{[]byte("garbage that is long enough"), good, nil})
	if connect.CodeOf(err) != connect.CodeUnknown || !strings.Contains(err.Error(), "2 errors: ") {
		t.Errorf("got %v", err)
	}
	if total, _ := s.flame("{}"); total != 1e7 {
		t.Errorf("the good one has %d ns", total)
	}
	// A refusal among them decides.
	old := s.cpuProfile(st(1e7, "main"))
	old.TimeNanos = 1
	if err := s.send(ride(), [][]byte{[]byte("garbage that is long enough"), s.encode(old)}); codeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("got %v", err)
	}
	if err := s.send(ride(), nil); codeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("a push without profiles: got %v", err)
	}
}

func TestTimeZeroIsNow(t *testing.T) {
	s := start(t, Config{})
	p := s.cpuProfile(st(1e7, "main"))
	p.TimeNanos = 0
	s.mustSend(ride(), p)
	found := s.server.store.Select([]string{defaultTenant}, s.now.UnixNano(), s.now.UnixNano(), matchAll)
	if len(found) != 2 {
		t.Errorf("%d records have the present time, want one of each of 2 types", len(found))
	}
}

func TestNoDeduplication(t *testing.T) {
	s := start(t, Config{})
	p := s.cpuProfile(st(1e7, "main"))
	s.mustSend(ride(), p)
	s.mustSend(ride(), p)
	if total, _ := s.flame("{}"); total != 2e7 {
		t.Errorf("the same push twice has %d ns", total)
	}
}

func TestDeepStacksKeepTheRoot(t *testing.T) {
	s := start(t, Config{})
	var frames []string
	for i := range 1010 {
		frames = append(frames, fmt.Sprintf("f%d", i))
	}
	s.mustSend(ride(), s.cpuProfile(st(1e7, frames...)))
	_, self := s.flame("{}")
	if self["/"+strings.Join(frames[:1000], "/")] != 1e7 {
		t.Error("not the 1,000 frames next to the root")
	}
}

func TestRateLimit(t *testing.T) {
	s := start(t, Config{})
	big := func() []byte { // 1.5 MiB that gzip makes small: it is the plain size that counts
		p := s.cpuProfile(st(1e7, "main"))
		for range 24 {
			p.Comments = append(p.Comments, strings.Repeat("x", 1<<16-1)+fmt.Sprint(len(p.Comments)))
		}
		return s.encode(p)
	}()
	push := func() connect.Code { return codeOf(s.send(ride(), [][]byte{big})) }
	if got := push(); got != ok {
		t.Fatalf("the first: %v", got)
	}
	if got := push(); got != connect.CodeResourceExhausted {
		t.Errorf("the second at once: %v", got)
	}
	s.now = s.now.Add(200 * time.Millisecond) // 0.8 of 1 MiB are back
	if got := push(); got != connect.CodeResourceExhausted {
		t.Errorf("0.2 s later: %v", got)
	}
	s.now = s.now.Add(100 * time.Millisecond)
	if got := push(); got != ok {
		t.Errorf("0.3 s later: %v", got)
	}
	s.now = s.now.Add(30 * time.Minute) // the burst is all that can be saved up
	if first, second := push(), push(); first != ok || second != connect.CodeResourceExhausted {
		t.Errorf("half an hour later: %v, then %v", first, second)
	}

	free := start(t, Config{NoRateLimit: true})
	nearly := free.cpuProfile(st(1e7, "main"))
	for range 63 { // of 64 KiB: the size limit is no rate limit
		nearly.Comments = append(nearly.Comments, strings.Repeat("x", 1<<16-8)+fmt.Sprint(10+len(nearly.Comments)))
	}
	if err := free.send(ride(), [][]byte{free.encode(nearly)}); err != nil {
		t.Error(err)
	}
	for range 3 {
		if err := free.send(ride(), [][]byte{big}); err != nil {
			t.Error(err)
		}
	}
}

func TestRateLimitIsOfATenant(t *testing.T) {
	s := start(t, Config{Multitenant: true})
	p := s.cpuProfile(st(1e7, "main"))
	for range 24 {
		p.Comments = append(p.Comments, strings.Repeat("x", 1<<16-1)+fmt.Sprint(len(p.Comments)))
	}
	raw := s.encode(p)
	for _, test := range []struct {
		tenant string
		want   connect.Code
	}{{"one", ok}, {"one", connect.CodeResourceExhausted}, {"two", ok}} {
		if got := codeOf(s.send(ride(), [][]byte{raw}, tenantHeader, test.tenant)); got != test.want {
			t.Errorf("%s: %v", test.tenant, got)
		}
	}
}

// What the official parser complains of is told, though the server takes it.
func TestStrictParser(t *testing.T) {
	s := start(t, Config{})
	s.mustSend(ride(), s.cpuProfile(st(1e7, "main")))
	if strict := s.last().Profiles[0].Strict; strict != "" {
		t.Errorf("a good profile: %s", strict)
	}
	raw := s.broken(s.cpuProfile(st(1e7, "main")), func(p *profilev1.Profile) {
		p.Location = append(p.Location, p.Location[0]) // one ID twice
	})
	if err := s.send(ride(), [][]byte{raw}); err != nil {
		t.Fatal(err)
	}
	if s.last().Profiles[0].Strict == "" {
		t.Error("no complaint of a location that is there twice")
	}
}
