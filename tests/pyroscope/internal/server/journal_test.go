package server

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "profiles")
	first := start(t, Config{Journal: path, Multitenant: true})
	p := first.cpuProfile(st(1e7, "main"), st(2e7, "main").with("vehicle", "car"))
	p.TimeNanos = 0 // becomes the present time, which must be the same after a restart
	raw := first.encode(p)
	for _, tenant := range []string{"one", "one", "two"} {
		if err := first.send(ride(), [][]byte{raw}, tenantHeader, tenant); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.send(nil, [][]byte{raw}, tenantHeader, "one"); err == nil {
		t.Fatal("a push without labels was taken")
	}
	// The first is not closed: a killed server doesn't close anything either. It was writing when it was killed.
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"tenant":"one","at":"20`); err != nil {
		t.Fatal(err)
	}
	_ = file.Close()

	check := func(s *sink, want map[string]int64) {
		t.Helper()
		for tenant, ns := range want {
			at := first.now.UnixNano()
			var sum int64
			for _, r := range s.server.store.Select([]string{tenant}, at, at, matchAll) {
				if r.Labels.Get("__profile_type__") == cpu {
					sum += r.Total()
				}
			}
			if sum != ns {
				t.Errorf("%s has %d ns, want %d", tenant, sum, ns)
			}
		}
	}
	second := start(t, Config{Journal: path, Multitenant: true})
	check(second, map[string]int64{"one": 6e7, "two": 3e7})
	second.now = first.now
	if err := second.send(ride(), [][]byte{raw}, tenantHeader, "two"); err != nil {
		t.Fatal(err)
	}
	third := start(t, Config{Journal: path, Multitenant: true})
	check(third, map[string]int64{"one": 6e7, "two": 6e7})
	if _, err := New(Config{Journal: filepath.Join(path, "in a file")}); err == nil {
		t.Error("a journal that can't be")
	}
	_ = os.WriteFile(path, []byte("not a journal\n"), 0o600)
	if _, err := New(Config{Journal: path, Now: time.Now}); err == nil {
		t.Error("a file that is no journal")
	}
}
