#!/usr/bin/env bash
# The gate with a real program: equal builds against each other, and against one whose request takes 10 % longer. Wants a quiet machine.
#
# usage: tests/command/gate.sh PYRO WORKER [ROUNDS [RUNS [SECONDS]]]
#
# A round is RUNS runs of each of base, base again and slower, in turns, each SECONDS of CPU time long; then two comparisons. Fails where more than
# one of a hundred equal pairs raises an alarm, or fewer than 95 of a hundred slower ones are found.
set -euo pipefail

pyro=$(realpath -- "$1")
worker=$(realpath -- "$2")
rounds=${3:-100} runs=${4:-5} seconds=${5:-0.25}
directory=$(mktemp -d)
trap 'rm -rf -- "$directory"' EXIT
for variable in "${!PYRO@}"; do unset "$variable"; done

alarms=0
found=0
for ((round = 1; round <= rounds; ++round)); do
  rm -rf -- "${directory:?}"/*
  for ((run = 1; run <= runs; ++run)); do
    PYRO=pprof:$directory/base/$run.pb.gz "$worker" "$seconds" 0
    PYRO=pprof:$directory/slower/$run.pb.gz "$worker" "$seconds" 10
    PYRO=pprof:$directory/again/$run.pb.gz "$worker" "$seconds" 0
  done
  status=0
  "$pyro" diff "$directory/base" "$directory/again" --fail-above 5 >"$directory/equal.txt" || status=$?
  if ((status == 1)); then
    alarms=$((alarms + 1))
    printf 'round %d: a false alarm\n' "$round"
    cat -- "$directory/equal.txt"
  elif ((status != 0)); then
    exit "$status"
  fi
  status=0
  "$pyro" diff "$directory/base" "$directory/slower" --fail-above 5 >"$directory/slower.txt" || status=$?
  if ((status == 1)) && grep -Eq '^  (handle_request|search): \+' "$directory/slower.txt"; then
    found=$((found + 1))
  else
    printf 'round %d: the slower build is not found\n' "$round"
    cat -- "$directory/slower.txt"
  fi
done
printf '%d rounds of %d runs of %s s a side: %d false alarms, %d of the slower builds found\n' "$rounds" "$runs" "$seconds" "$alarms" "$found"
((alarms * 100 <= rounds && found * 100 >= 95 * rounds))
