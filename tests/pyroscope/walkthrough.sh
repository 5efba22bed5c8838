#!/usr/bin/env bash
# The rideshare pushed to a server, and what the server then shows: 3 regions × 3 vehicles, sums equal to the files that were written beside, the largest
# order, one vehicle alone, eu-north's turns, and the diff of a calm and a busy window. The server is the sink beside this script, which is killed
# and started again on the way: nothing may be lost. Or a real one, which PYROSCOPE_TEST_URL names. Lines are `ok ...` or `FAIL ...`.
#
# usage: walkthrough.sh [DIR]     DIR keeps the profiles that were written as files
set -euo pipefail

here=$(cd -- "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd -- "$here/../.." && pwd)
bin=$repo/build/tests/pyroscope
work=$(mktemp -d)
profiles=${1:-$work/profiles}
mkdir -p -- "$bin" "$profiles"

processes=()
finish() {
  local pid
  for pid in ${processes[@]+"${processes[@]}"}; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in ${processes[@]+"${processes[@]}"}; do wait "$pid" 2>/dev/null || true; done
  rm -rf -- "$work"
}
trap finish EXIT

go -C "$here" build -o "$bin/" ./sink ./check

start_sink() {  # ADDRESS
  "$bin/sink" -listen "$1" -store "$work/store" >"$work/sink.log" 2>&1 &
  processes=($!)
  for ((tries = 0; tries < 100; ++tries)); do
    url=$(sed -n 's/^listening on //p' "$work/sink.log")
    if [[ -n $url ]]; then return; fi
    sleep 0.1
  done
  cat -- "$work/sink.log"
  echo 'FAIL  the sink does not start'
  exit 1
}

tolerance=0
url=${PYROSCOPE_TEST_URL-}
if [[ $url ]]; then tolerance=0.001; else start_sink 127.0.0.1:0; fi

# What was there before is not this run's.
begin=$(date -u +%Y-%m-%dT%H:%M:%SZ)
bash "$repo/examples/rideshare/run.sh" --seconds 35 --out "$profiles" --server "$url" >"$work/log" 2>&1 &
run=$!
if [[ -z ${PYROSCOPE_TEST_URL-} ]]; then
  until grep -q ' s: ' "$work/log" 2>/dev/null || ! kill -0 "$run" 2>/dev/null; do sleep 0.2; done
  kill -KILL "${processes[0]}"
  wait "${processes[0]}" 2>/dev/null || true
  sleep 8
  start_sink "${url#http://}"
  echo "ok    the sink was killed and started again after 8 s"
fi
status=0
wait "$run" || status=$?
cat -- "$work/log"
((status == 0)) || { echo "FAIL  examples/rideshare/run.sh ends with $status"; exit 1; }

for region in us-east eu-north ap-south; do
  if grep -q 'could not be delivered\|uncertain\|is lost\|are dropped' "$profiles/$region.log"; then
    cat -- "$profiles/$region.log"
    echo "FAIL  $region has lost something"
    status=1
  fi
done
"$bin/check" -url "$url" -from "$begin" -folded "$profiles" -tolerance "$tolerance" -window 5s -period 15s || status=1
exit "$status"
