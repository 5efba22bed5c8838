#!/usr/bin/env bash
# Each way to end a program: its exit status is its own, exit() and return deliver the report once with the exact count, the others
# deliver nothing, and nobody hangs.
#
# usage: exits.sh PROGRAM
set -euo pipefail

status=0
check() {  # WAY EXIT_STATUS REPORTS
  local out code=0 reports once
  out=$(PYRO=report timeout 20 "$program" "$1" 2>&1) || code=$?
  reports=$(grep -c '^pyro report' <<<"$out" || true)
  once=$(grep -cE '[├└]─ counted .* 1( |$)' <<<"$out" || true)  # its row in the tree, called once
  if ((code != $2 || reports != $3)) || ((once != $3)); then
    printf 'FAIL %s: status %d (expected %d), %d reports (expected %d), %d rows counted once\n%s\n' "$1" "$code" "$2" "$reports" "$3" "$once" "$out"
    status=1
  else
    printf 'ok   %s: status %d, %d reports\n' "$1" "$code" "$reports"
  fi
}

program=$1
check return 0 1
check exit 3 1
check exit_in_thread 4 1
check pthread_exit 7 1
check quick_exit 5 0
check _exit 6 0
check abort 134 0
exit "$status"
