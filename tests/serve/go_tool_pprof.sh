#!/usr/bin/env bash
# `go tool pprof` as a client of the live view: it takes profiles of the next seconds, says nothing on stderr but where it fetches them, and its sums
# are the program's own CPU clock's. And the request of Grafana Alloy's pull mode.
#
# usage: go_tool_pprof.sh PROGRAM     PROGRAM is serve_tests
#
# Exit status: 0 all well, 1 a check failed, 77 (skipped) where Go is missing.
set -euo pipefail

program=$1
command -v go >/dev/null || { echo "go_tool_pprof: no go: skipped" >&2; exit 77; }
go tool pprof -h >/dev/null 2>&1 || true  # newer ones are built at their first use
work=$(mktemp -d)
pid=
trap '[[ -z $pid ]] || kill "$pid" 2>/dev/null || true; rm -rf -- "$work"' EXIT
export TZ=UTC HOME="${HOME:-$work}" PPROF_TMPDIR="$work"

fail() {
  echo "FAIL $*" >&2
  exit 1
}

start() {
  : >"$work/out"  # at once: what the program before this one said must not be read
  env "$@" PYRO_SERVE=127.0.0.1:0 "$program" scenario spend >"$work/out" 2>&1 &
  pid=$!
  for ((i = 0; i < 100; ++i)); do
    address=$(sed -n 's|.*live view: at \(http://[^/]*\)/,.*|\1|p' "$work/out")
    [[ $address ]] && return
    sleep 0.1
  done
  cat "$work/out" >&2
  fail "no live view"
}

# Asks in the background, lets the program spend its time, waits for the answer. Again where the machine was so busy that the program began
# before the profile did: the file with the profile ($1) says when that was.
while_it_spends() {
  local file=$1 asks port i lines attempt from to begin
  shift
  port=$(printf '0100007F:%04X' "${address##*:}")
  for attempt in 1 2 3 4 5; do
    rm -f -- "$work"/*.pb.gz
    lines=$(grep -c '^spent' "$work/out" || true)
    "$@" >"$work/answer" 2>"$work/stderr" &
    asks=$!
    for ((i = 0; i < 100; ++i)); do  # until it is connected
      if awk -v at="$port" '$2 == at && $4 == "01" { found = 1 } END { exit !found }' /proc/net/tcp; then break; fi
      sleep 0.1
    done
    sleep 0.3
    kill -USR1 "$pid"
    wait "$asks" || { cat "$work/answer" "$work/stderr" >&2; fail "$1 fails"; }
    for ((i = 0; i < 100; ++i)); do
      if (($(grep -c '^spent' "$work/out" || true) > lines)); then break; fi
      sleep 0.1
    done
    read -r _ spent from to < <(tail -n 1 "$work/out")
    go tool pprof -raw "$work"/$file >"$work/raw" 2>"$work/raw.err"
    begin=$(date -d "$(sed -n 's/^Time: \([-0-9]* [0-9:.]*\) .*/\1/p' "$work/raw")" +%s%N)
    if ((begin < from)) && awk -v b="$begin" -v to="$to" '/^Duration:/ { sub(/.*: /, ""); exit !(b + $1 * 1e9 > to) }' "$work/raw"; then return; fi
    echo "the profile was from $begin on, the program spent its time from $from to $to: again" >&2
  done
  fail "this machine is too busy"
}

# Milliseconds, from "700ms" or "1.23s".
in_ms() { awk -v t="$1" 'BEGIN { print (t ~ /ms$/) ? t + 0 : t * 1000 }'; }

# A sample is 10 ms, and the first comes at random.
compare() {
  awk -v had="$1" -v spent="$2" 'BEGIN { exit !(had >= spent - 20 && had <= spent + 20) }' || fail "$3: the profile has $1 ms, the program spent $2 ms"
  echo "ok $3: the profile has $1 ms, the program spent $2 ms"
}

end() {
  kill "$pid"
  wait "$pid" 2>/dev/null || true
  pid=
}

for window in 10s 300ms; do
  start SPEND_MS=600 PYRO_WINDOW=$window
  while_it_spends "pprof*.pb.gz" go tool pprof -top -nodefraction=0 "$address/debug/pprof/profile?seconds=3"
  if grep -Ev '^(Fetching profile over HTTP from|Saved profile in) ' "$work/stderr" >&2; then fail "go tool pprof complains"; fi
  grep -q '^Type: cpu$' "$work/answer" || fail "the default type is not cpu"
  duration=$(sed -n 's/^Duration: \([0-9.]*\)s, .*/\1/p' "$work/answer")
  awk -v d="$duration" 'BEGIN { exit !(d >= 2.99 && d < 5) }' || fail "the duration is $duration"
  total=$(sed -n 's/.* of \([0-9.]*m\{0,1\}s\) total$/\1/p' "$work/answer")
  compare "$(in_ms "$total")" "$spent" "go tool pprof, windows of $window"
  grep -q 'work_a' "$work/answer" || fail "work_a is not there"
  end
done

# As `pyroscope.scrape` asks for process_cpu (scrape_interval 15s: seconds=14), shortened; here by an HTTP client that sends what Alloy sends: Host and
# User-Agent, nothing of encodings. Alloy takes `application/octet-stream` alone.
start SPEND_MS=600
while_it_spends alloy.pb.gz curl -sS --fail -D "$work/head" -o "$work/alloy.pb.gz" -H 'Accept:' -H 'User-Agent: Alloy/v1.18.0 (linux; binary)' "$address/debug/pprof/profile?seconds=3"
gzip -t "$work/alloy.pb.gz" || fail "it is not gzip"
grep -qi '^content-type: application/octet-stream' "$work/head" || fail "its type"
grep -q '^samples/count cpu/nanoseconds' "$work/raw" || fail "its types are not those of Go's CPU profiles"
total=$(awk '/^Samples:/ { on = 1; next } /^Locations/ { on = 0 } on && /^ +[0-9]+ +[0-9]+:/ { sum += $2 } END { print sum / 1e6 }' "$work/raw")
compare "$total" "$spent" "Alloy's request"
end

# The shortest way: the address alone. Go's tool knows the path, and -seconds.
start SPEND_MS=300
while_it_spends "pprof*.pb.gz" go tool pprof -top -seconds 2 "$address"
grep -q 'work_a' "$work/answer" || { cat "$work/answer"; fail "work_a is not there"; }
end
echo "ok go tool pprof by address alone; Alloy's request"
