#!/usr/bin/env bash
# 27 calls that wait, a million times each (a tenth of that where HOURS is below one): none may be interrupted. Then the stress of tests/native_safety for
# hours, with an eye on memory, descriptors, threads and timers: a line a minute, and at the end whether any of them grew. Exits with 0 where nothing failed.
set -euo pipefail

usage() { echo 'usage: bash tests/soak.sh [HOURS]   (default 8; fractions are fine)'; }
case ${1:-} in --help | -h) usage; exit 0 ;; esac
hours=${1:-8}
seconds=$(awk -v h="$hours" 'BEGIN { if (h + 0 <= 0) exit 1; printf "%d", h * 3600 + 0.5 }') || { usage >&2; exit 2; }

repo=$(cd -- "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$repo/build/soak
mkdir -p -- "$build"
for variable in "${!PYRO@}"; do [[ $variable == PYRO_STRESS_HZ ]] || unset "$variable"; done
if ! { cmake -S "$repo" -B "$build" -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS=-O2 -DPYRO_BUILD_EXAMPLES=OFF -DPYRO_BUILD_BENCHMARKS=OFF \
  -DPYRO_BUILD_TESTS=ON && cmake --build "$build" --target native_safety_interrupted native_safety_stress native_safety_plugin_{0,1,2,3}; } >"$build/build.log" 2>&1; then
  tail -n 40 -- "$build/build.log" >&2
  exit 1
fi
programs=$build/tests/native_safety

"$programs/native_safety_interrupted" thread_timers "$((seconds < 3600 ? 100000 : 1000000))" || exit 1

"$programs/native_safety_stress" "$seconds" "$programs"/native_safety_plugin_{0,1,2,3}.so >"$build/stress.log" 2>&1 &
stress=$!
trap 'kill "$stress" 2>/dev/null || true' EXIT
every=$((seconds < 600 ? 5 : 60))
printf '%8s %12s %12s %8s %8s\n' second 'resident KiB' descriptors threads timers
for ((at = every; at < seconds; at += every)); do
  sleep "$every"
  [[ -d /proc/$stress/task ]] || break
  printf '%8d %12d %12d %8d %8d\n' "$at" "$(awk '/^VmRSS/ { print $2 }' "/proc/$stress/status")" "$(find "/proc/$stress/fd" -mindepth 1 2>/dev/null | wc -l)" \
    "$(find "/proc/$stress/task" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)" "$(grep -c '^ID:' "/proc/$stress/timers" || true)"
done | tee "$build/watch.log"
status=0
wait "$stress" || status=$?
trap - EXIT
cat -- "$build/stress.log"
# The second quarter against the last: what was warm by then must not have grown.
awk '{ r[NR] = $2; f[NR] = $3; t[NR] = $5 }
  function mean(a, from, to,    i, sum) { for (i = from; i <= to; ++i) sum += a[i]; return sum / (to - from + 1) }
  END {
    if (NR < 8) { print "too short to tell whether anything grows"; exit 0 }
    q = int(NR / 4)
    printf "resident %d KiB, then %d; descriptors %.1f, then %.1f; timers %.1f, then %.1f\n", mean(r, q, 2 * q), mean(r, NR - q, NR), mean(f, q, 2 * q),
      mean(f, NR - q, NR), mean(t, q, 2 * q), mean(t, NR - q, NR)
    if (mean(r, NR - q, NR) > mean(r, q, 2 * q) * 1.1 + 8192) { print "FAILED: memory grows"; exit 1 }
    if (mean(f, NR - q, NR) > mean(f, q, 2 * q) + 8) { print "FAILED: descriptors grow"; exit 1 }
    if (mean(t, NR - q, NR) > mean(t, q, 2 * q) * 1.5 + 16) { print "FAILED: timers grow"; exit 1 }
  }' <(grep -v resident "$build/watch.log") || status=1
exit "$status"
