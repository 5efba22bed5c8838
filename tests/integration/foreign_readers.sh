#!/bin/sh
# Reads pprof files with programs that are not ours: gzip, Python's zlib, and Google's pprof (`go tool pprof`).
#
#   foreign_readers.sh                      checks tests/golden/rideshare.pb.gz against what pprof made of it when it was accepted
#   foreign_readers.sh FILE.pb.gz...        checks any files: they must be read without a warning, and sums must agree
#   PYRO_UPDATE_GOLDEN=1 foreign_readers.sh writes pprof's reading of the golden file anew
#
# Exit status: 0 all well, 1 a check failed, 77 (skipped) where Go is missing: gzip's and Python's checks have passed then.
set -eu

golden=$(cd "$(dirname "$0")/../golden" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TZ=UTC HOME="${HOME:-$work}" PPROF_TMPDIR="$work"

fail() {
  echo "foreign_readers: $*" >&2
  exit 1
}

# Runs pprof; its output goes to $work/stdout. It must say nothing on stderr: no warning about symbols, mappings or binaries.
pprof() {
  go tool pprof -symbolize=local "$@" 2>"$work/stderr" >"$work/stdout" || { cat "$work/stderr" >&2; fail "pprof $* fails"; }
  if grep -v '^Generating report in' "$work/stderr" >&2; then fail "pprof $* complains"; fi
}

check_container() {
  gzip -t "$1" || fail "gzip refuses $1"
  python3 - "$1" <<'PYTHON' || fail "zlib refuses $1"
import sys, zlib
data = open(sys.argv[1], "rb").read()
d = zlib.decompressobj(zlib.MAX_WBITS | 16)
d.decompress(data)
assert d.eof and not d.unused_data, "not one whole gzip member"
assert data[4:8] == b"\0\0\0\0", "there is a time in the header"
PYTHON
}

# The sums of pprof's raw listing are those of its own report, for every sample type.
check_sums() {
  pprof -raw "$1"
  sed -n '/^Samples:$/,/^Locations$/p' "$work/stdout" >"$work/samples"
  column=0
  for type in $(sed -n '2s/\[dflt\]//p' "$work/samples"); do
    column=$((column + 1))
    listed=$(awk -v c="$column" '/^ *-?[0-9].*:/ { sub(/:.*/, ""); sum += $c } END { printf "%.0f", sum }' "$work/samples")
    case $type in */nanoseconds) unit=ns ;; *) unit= ;; esac
    pprof -sample_index="${type%/*}" -unit="${unit:-auto}" -nodefraction=0 -top "$1"
    # Large counts are printed rounded (1.2M): compared only where they are printed whole.
    total=$(sed -n "s/.* \([0-9][0-9]*\)${unit} total\$/\1/p" "$work/stdout")
    [ -z "$total" ] || [ "$total" = "$listed" ] || fail "$1: $type: listed $listed, reported $total"
    echo "  $type $listed"
  done
  [ "$column" -gt 0 ] || fail "$1 has no sample types"
}

check() {
  echo "$1"
  check_container "$1"
  [ -n "$go" ] || return 0
  check_sums "$1"
}

compare() {
  if [ -n "${PYRO_UPDATE_GOLDEN:-}" ]; then cp "$work/stdout" "$golden/$1"; fi
  diff -u "$golden/$1" "$work/stdout" || fail "pprof reads the golden file differently ($1)"
}

go=$(command -v go || true)
if [ $# -gt 0 ]; then
  for file in "$@"; do check "$file"; done
else
  check "$golden/rideshare.pb.gz"
  if [ -n "$go" ]; then
    pprof -raw "$golden/rideshare.pb.gz"
    compare rideshare.pprof-raw.txt
    pprof -top -nodefraction=0 "$golden/rideshare.pb.gz"
    compare rideshare.pprof-top.txt
    pprof -tags "$golden/rideshare.pb.gz"
    compare rideshare.pprof-tags.txt
  fi
fi
[ -n "$go" ] || { echo "foreign_readers: no go: pprof's checks are skipped" >&2; exit 77; }
echo "foreign readers agree"
