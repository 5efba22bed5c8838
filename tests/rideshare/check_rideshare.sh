#!/usr/bin/env bash
# The rideshare end to end: runs it for half a minute and holds its profiles, as `go tool pprof` reads them, against what is known to be true.
#
#   order_car leads the orders; counts equal the requests that the servers say they served; the profile's CPU time is the process's (2 %, and
#   a period for each thread, whose last one is never full); find_nearest_vehicle's own CPU per request is 2 : 3 : 4; labels are
#   where they belong and nowhere else; nothing was lost; eu-north's windows take turns: mutex_lock has 50 % of a car's CPU, then 80 %.
#
# Statistical bounds come from the numbers of samples: a share p of n samples has the standard error sqrt(p(1-p)/n), a ratio of a to b samples
# the relative one sqrt(1/a + 1/b). Four of them are allowed where nothing else is said: once in 16,000 checks chance goes beyond.
#
# usage: check_rideshare.sh [--in DIR]     DIR: profiles of an earlier run (with 5 s windows and 15 s periods) instead of a new one
set -euo pipefail

here=$(cd -- "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
export PPROF_TMPDIR=$work TZ=UTC

if [[ ${1-} == --in ]]; then
  profiles=$2
else
  profiles=$work/profiles
  bash "$here/../../examples/rideshare/run.sh" --seconds 30 --out "$profiles" >"$work/log" 2>&1 &
  run=$!
  trap 'kill -TERM "$run" 2>/dev/null || true; wait "$run" || true; rm -rf -- "$work"' EXIT
  status=0
  wait "$run" || status=$?
  trap 'rm -rf -- "$work"' EXIT
  cat -- "$work/log"
  ((status == 0)) || { echo "^^^ examples/rideshare/run.sh ends with $status"; exit 1; }
fi
pprof() {
  if ! go tool pprof "$@" 2>"$work/stderr"; then
    cat "$work/stderr" >&2
    echo "^^^ go tool pprof $*" >&2
    return 1
  fi
}

status=0
echo
pprof -top -cum -show='order_' "$profiles"/*.pb.gz | tee "$work/top"
orders=$(awk 'seen { print $NF } / flat% / { seen = 1 }' "$work/top" | tr '\n' ' ')
if [[ $orders =~ ^order_car\ order_(bike\ order_scooter|scooter\ order_bike)\ $ ]]; then
  echo "ok    order_car is first of three"
else
  echo "FAIL  order_car must be first of three, not: $orders"
  status=1
fi

# One line a row: region, window's begin (seconds of the day, rounded), calls, samples, ns, labels (key=value;...), stack (root first, ;). One
# line a file that says how it was lost, where anything was.
for region in us-east eu-north ap-south; do
  for file in "$profiles/$region"-*.pb.gz; do
    pprof -raw "$file" >"$work/raw"
    awk -v region="$region" '
      function flush_row(  i, n, part, stack) {
        if (row == "") return
        n = split(where, part, " ")
        for (i = n; i >= 1; --i) stack = stack (i < n ? ";" : "") "#" part[i]
        rows[++count] = row " " (labels == "" ? "-" : labels)
        stacks[count] = stack
        row = labels = ""
      }
      /^Comment: pyro lost/ { print region, "lost", $0 }
      /^Time: / { split($3, clock, ":"); begin = int(clock[1] * 3600 + clock[2] * 60 + clock[3] + 0.5) }
      /^Samples:/ { section = "samples"; getline types; next }
      /^Locations/ { flush_row(); section = "locations"; next }
      /^Mappings/ { section = "mappings" }
      section == "samples" && /^ *[0-9]+ +[0-9]+ +[0-9]+:/ {
        flush_row()
        colon = index($0, ":")
        split(substr($0, 1, colon - 1), value, " ")
        row = value[1] " " value[2] " " value[3]
        where = substr($0, colon + 1)
        next
      }
      section == "samples" {
        for (i = 1; i <= NF; ++i) { pair = $i; sub(/:\[/, "=", pair); sub(/\]$/, "", pair); labels = labels pair ";" }
      }
      section == "locations" && /^ +[0-9]+: / {
        id = $1
        sub(/:/, "", id)
        line = $0
        sub(/^ +[0-9]+: 0x[0-9a-f]+ (M=[0-9]+ )?/, "", line)
        sub(/ [^ ]*:[0-9]+:[0-9]+ s=.*/, "", line)
        gsub(/ /, "_", line)
        name["#" id] = line
      }
      END {
        if (types !~ /^calls\/count samples\/count cpu\/nanoseconds/) print region, "types", types
        for (r = 1; r <= count; ++r) {
          n = split(stacks[r], part, ";")
          stack = ""
          for (i = 1; i <= n; ++i) stack = stack (i > 1 ? ";" : "") name[part[i]]
          print region, begin, rows[r], stack
        }
      }' "$work/raw" >>"$work/rows"
  done
  sed -n "s/^served \(.*\)/$region served \1/p" "$profiles/$region.log" >>"$work/served"
done

echo
awk -v period_seconds=15 '
  function check(ok, what) { printf "%s  %s\n", ok ? "ok  " : "FAIL", what; if (!ok) failed = 1 }
  function abs(x) { return x < 0 ? -x : x }
  function percent(x) { return sprintf("%.1f %%", 100 * x) }

  $2 == "served" {
    for (i = 3; i <= NF; ++i) { split($i, part, "="); served[$1, part[1]] = part[2] }
    ++servers
    next
  }
  $2 == "lost" || $2 == "types" { complaint[$1 " " $0] = 1; next }
  {
    region = $1; begin = $2; calls = $3; samples = $4; ns = $5; labels = ";" $6; stack = ";" $7 ";"
    ++rows
    total_ns[region] += ns
    if (match(labels, /;vehicle=[a-z]*;/)) vehicle = substr(labels, RSTART + 9, RLENGTH - 10); else vehicle = ""
    depth = split($7, frame, ";")
    leaf = frame[depth]
    called[region, leaf, vehicle] += calls

    # labels
    wrong = ""
    if (index(labels, ";region=" region ";") == 0) wrong = "not region=" region
    if (labels !~ /^;((region|thread|vehicle)=[^;]*;)+$/) wrong = "a label that nobody set"
    inside = index(stack, ";find_nearest_vehicle;") > 0
    all_samples += samples
    # In the first and last instructions of the function itself its tag is not set yet, or not any more.
    if (inside && vehicle == "" && leaf == "find_nearest_vehicle" && calls == 0) { at_edges += samples; inside = 0 }
    if (inside && vehicle !~ /^(bike|scooter|car)$/) wrong = "no vehicle inside find_nearest_vehicle"
    if (inside && index(stack, ";order_" vehicle ";find_nearest_vehicle;") == 0) wrong = "the vehicle of another order"
    if (!inside && vehicle != "") wrong = "a vehicle outside find_nearest_vehicle"
    if (index(stack, ";mutex_lock;") > 0 && (region != "eu-north" || vehicle != "car")) wrong = "mutex_lock where there is none"
    if (wrong != "" && ++mislabelled <= 5) print "      " wrong ": " $0

    if (leaf == "find_nearest_vehicle") { own_ns[vehicle] += ns; own_samples[vehicle] += samples }
    if (region == "eu-north" && vehicle == "car") {
      seen[begin] = 1
      car[begin] += samples
      if (leaf == "mutex_lock") lock[begin] += samples
    }
  }

  END {
    check(servers == 3 && rows > 100, servers " servers, " rows " rows in their profiles")
    complaints = 0
    for (c in complaint) { print "      " c; ++complaints }
    check(complaints == 0, "nothing was lost, all files have calls, samples and CPU time")

    split("us-east eu-north ap-south", region_list, " ")
    split("bike scooter car", vehicle_list, " ")
    for (r = 1; r <= 3; ++r) {
      region = region_list[r]
      ok = 1
      text = ""
      for (v = 1; v <= 3; ++v) {
        vehicle = vehicle_list[v]
        wanted = served[region, vehicle]
        text = text " " vehicle " " wanted
        ok = ok && wanted > 0 && called[region, "order_" vehicle, ""] == wanted && called[region, "find_nearest_vehicle", vehicle] == wanted
      }
      cars = served[region, "car"]
      ok = ok && called[region, "check_driver_availability", "car"] == cars
      ok = ok && called[region, "mutex_lock", "car"] + 0 == (region == "eu-north" ? cars : 0)
      check(ok, region ": calls are the requests served, exactly:" text)
    }

    for (r = 1; r <= 3; ++r) {
      region = region_list[r]
      cpu = served[region, "cpu_seconds"]
      profiled = total_ns[region] / 1e9
      allowed = 0.02 * cpu + 8 * 0.010
      check(cpu > 1 && abs(profiled - cpu) <= allowed,
            sprintf("%s: %.2f s of CPU profiled, %.2f s used (allowed: 2 %% and 8 threads of 10 ms, %.2f s)", region, profiled, cpu, allowed))
    }

    for (v = 1; v <= 3; ++v) {
      vehicle = vehicle_list[v]
      for (r = 1; r <= 3; ++r) requests[vehicle] += served[region_list[r], vehicle]
      if (requests[vehicle] > 0) each[vehicle] = own_ns[vehicle] / requests[vehicle]
    }
    for (v = 2; v <= 3; ++v) {
      vehicle = vehicle_list[v]
      a = own_samples[vehicle]
      b = own_samples["bike"]
      ok = a > 0 && b > 0
      wanted = (v + 1) / 2
      ratio = ok ? each[vehicle] / each["bike"] : 0
      allowed = ok ? 4 * wanted * sqrt(1 / a + 1 / b) : 0
      check(ok && abs(ratio - wanted) <= allowed,
            sprintf("own CPU of find_nearest_vehicle per request, %s to bike: %.2f to 2, not more than %.2f from %d (%d and %d samples)",
                    vehicle, 2 * ratio, 2 * allowed, v + 1, a, b))
    }

    check(at_edges <= all_samples / 1000, "of all samples " at_edges + 0 " in find_nearest_vehicle are where its tag is not set yet, or not any more (allowed: one in 1000)")
    check(mislabelled == 0, "region and vehicle are on the right rows, and on no other (" mislabelled + 0 " wrong)")

    for (begin = 0; begin <= 86400; ++begin) if (begin in seen && car[begin] > 0) {  # in the order of time
      busy = int(begin / period_seconds) % 2
      all_car[busy] += car[begin]
      all_lock[busy] += lock[begin]
      if (car[begin] < 60) continue
      ++windows[busy]
      wanted = busy ? 0.8 : 0.5
      share = lock[begin] / car[begin]
      allowed = 0.10 + 4 * sqrt(wanted * (1 - wanted) / car[begin])
      line = sprintf("eu-north at %02d:%02d:%02d, %s: mutex_lock has %s of %d samples of cars (allowed: 10 points and %s)", begin / 3600,
                     begin / 60 % 60, begin % 60, busy ? "busy" : "calm", percent(share), car[begin], percent(allowed - 0.10))
      check(abs(share - wanted) <= allowed, line)
    }
    check(windows[0] >= 1 && windows[1] >= 1, windows[0] + 0 " calm and " windows[1] + 0 " busy windows with 60 samples of cars or more")
    for (busy = 0; busy <= 1; ++busy) {
      n = all_car[busy]
      wanted = busy ? 0.8 : 0.5
      mean[busy] = n > 0 ? all_lock[busy] / n : -1
      allowed = 0.10 + 2 * (n > 0 ? sqrt(wanted * (1 - wanted) / n) : 0)
      check(abs(mean[busy] - wanted) <= allowed, sprintf("eu-north, all %s windows: %s of %d samples (allowed: 10 points and two standard errors, %s)",
            busy ? "busy" : "calm", percent(mean[busy]), n, percent(allowed)))
    }
    check(mean[1] - mean[0] > 0.15, "eu-north takes turns: " percent(mean[1] - mean[0]) " between busy and calm")
    exit failed
  }' "$work/served" "$work/rows" || status=1
exit "$status"
