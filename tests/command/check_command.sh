#!/usr/bin/env bash
# The command as people and CI jobs use it, on files that real programs have written. Other readers: go tool pprof and Python, where they are.
#
# usage: check_command.sh PYRO WORKER
set -euo pipefail

pyro=$(realpath -- "$1")
worker=$(realpath -- "$2")
here=$(cd -- "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd -- "$here/../.." && pwd)
golden=$repo/tests/golden/rideshare.pb.gz
work=$(mktemp -d)
sink=
trap '[[ -z $sink ]] || kill "$sink" 2>/dev/null || true; rm -rf -- "$work"' EXIT
for variable in "${!PYRO@}" NO_COLOR OTEL_SERVICE_NAME; do unset "$variable"; done
export TZ=UTC LC_ALL=C.UTF-8 HOME="${HOME:-$work}" PPROF_TMPDIR="$work"
cd -- "$work"
# What ncurses keeps of a terminal that it does not know is no leak of pyro's.
echo 'leak:libtinfo' >leaks
export LSAN_OPTIONS="suppressions=$work/leaks:print_suppressions=0"

failed=0
fail() { printf 'FAIL %s\n' "$*"; failed=1; }
# STATUS WORDS COMMAND...: it exits so, and says so on either stream (a fixed text).
expect() {
  local status=$1 words=$2 got=0
  shift 2
  "$@" >out 2>err || got=$?
  if ((got != status)); then fail "exit code $got, not $status: $*"; tail -n 5 out err; fi
  grep -qF -- "$words" out err || { fail "does not say '$words': $*"; tail -n 5 out err; }
}
same() { [[ $1 == "$2" ]] || fail "$3: '$1' is not '$2'"; }

mkdir runs
for run in 1 2 3 4; do PYRO=pprof:runs/$run.pb.gz "$worker" 0.3 0; done
PYRO=pprof:runs/%n.window.pb.gz PYRO_WINDOW=100ms PYRO_TAGS=region=eu "$worker" 0.3 0

# --- usage -------------------------------------------------------------------------------------------------------------------

expect 0 "pyro $(sed -n 's/^#define PYRO_VERSION "\(.*\)"$/\1/p' "$repo/include/pyro/core/abi.hpp")" "$pyro" --version
for command in report top tree diff convert push check completion; do
  expect 0 Examples: "$pyro" "$command" --help
  expect 0 Examples: "$pyro" help "$command"
  expect 2 "$command --help" "$pyro" "$command" --no-such-option
done
expect 2 Subcommands: "$pyro"
expect 2 'did you mean "pyro report"' "$pyro" reprot
expect 2 'did you mean "pyro top"' "$pyro" tpo x
expect 2 'pyro top profile.pb.gz' "$pyro" profile.pb.gz
expect 2 'did you mean --sort?' "$pyro" top "$golden" --srot self
expect 2 'files is required' "$pyro" top

# --- files that are none -----------------------------------------------------------------------------------------------------

: >empty.pb.gz
head -c 300 "$golden" >cut.pb.gz
mkdir nothing
expect 2 '"missing.pb.gz": cannot be opened: No such file' "$pyro" top missing.pb.gz
expect 2 '"empty.pb.gz": is empty' "$pyro" top empty.pb.gz
expect 2 '"cut.pb.gz": pprof: byte ' "$pyro" top cut.pb.gz
expect 2 'this is a program' "$pyro" top "$worker"
expect 2 'no profile in this directory' "$pyro" report nothing -o page.html
mkdir both
cp -- "$golden" both/a.pb.gz
"$pyro" convert "$golden" -o both/a.folded
same "$("$pyro" top both)" "$("$pyro" top "$golden")" 'a folder with folded stacks beside its pprof file'
rm both/a.pb.gz
expect 0 'check_driver_availability' "$pyro" top both
expect 2 'this is JSON' "$pyro" check <(echo '{"a": 1}')
[[ ! -e page.html ]] || fail 'a page of nothing'
expect 2 'cannot write "/proc/page.html"' "$pyro" report "$golden" -o /proc/page.html

# --- top and tree, against go tool pprof ----------------------------------------------------------------------------------------

expect 0 'order_car' "$pyro" top "$golden"
expect 0 '(not set)    1.26 s   4.4' "$pyro" top --by vehicle "$golden"
expect 0 'car          15.2 s  53.3' "$pyro" top --by vehicle - <"$golden"
expect 0 'order_bike' "$pyro" top --tag vehicle=bike "$golden"
if grep -q order_car out; then fail '--tag shows what has another tag'; fi
expect 2 'there are bike, car, scooter' "$pyro" top --tag vehicle=boat "$golden"
expect 2 'did you mean vehicle?' "$pyro" top --by vehicel "$golden"
expect 2 'it has calls, samples, cpu' "$pyro" top --type heap "$golden"
expect 0 '3,757,896' "$pyro" top --type calls "$golden"
expect 0 'find nearest vehicle' "$pyro" tree --from order_car "$golden"
expect 0 'smaller' "$pyro" tree --min-percent 20 "$golden"
if command -v go >/dev/null; then
  for file in "$golden" runs/1.pb.gz "$repo"/tests/fuzz/pprof/*go* ; do
    [[ -e $file ]] || continue
    # Functions and their own samples, as both see them.
    go tool pprof -sample_index=samples -nodecount=1000 -nodefraction=0 -top "$file" 2>/dev/null |
      sed -n 's/^ *\([0-9]\{1,\}\) .*% *[0-9.]\{1,\}k* .*%  \(.*\)$/\1 \2/p' | sed 's/ (inline)$//' | grep -v '^0 ' | sort >theirs
    "$pyro" top --type samples -n 1000 "$file" | sed 1,4d | awk -F '  +' '$2 != "0" { gsub(",", "", $2); print $2, $1 }' | sort >ours
    [[ -s ours ]] || fail "$file: no function"
    diff theirs ours >differences || { fail "$file: go tool pprof (<) and pyro top (>) differ"; cat differences; }
  done
else
  echo 'go is not there: sums are not compared with go tool pprof'
fi
# The sums of several files are the sum of theirs.
sum_of() { "$pyro" convert "$@" --type samples --to folded | awk '{ sum += $NF } END { print sum + 0 }'; }
one_by_one=0
for file in runs/*.pb.gz; do one_by_one=$((one_by_one + $(sum_of "$file"))); done
same "$(sum_of runs)" "$one_by_one" 'samples of a directory'
expect 0 'region' "$pyro" top --by region runs
expect 0 'eu ' "$pyro" top --by region runs

# --- convert ------------------------------------------------------------------------------------------------------------------

convert() { "$pyro" convert "$@" >out 2>err || fail "convert $*"; }
convert "$golden" -o a.folded
convert a.folded -o a.pb.gz
convert a.pb.gz -o b.folded
cmp a.folded b.folded || fail 'folded stacks change on their way through pprof'
convert a.folded --type cpu -o d.pb.gz
same "$("$pyro" convert d.pb.gz --type cpu --to folded)" "$(<a.folded)" 'folded CPU time is nanoseconds where --type cpu says so'
expect 2 '--type' "$pyro" top a.folded --type wall
convert "$golden" -o c.pb.gz
same "$("$pyro" convert c.pb.gz --to folded --labels)" "$("$pyro" convert "$golden" --to folded --labels)" 'pprof to pprof'
convert "$golden" -o a.speedscope.json
convert "$golden" -o a.html
expect 2 'does not tell the format' "$pyro" convert "$golden" -o a.xyz
grep -qi '<!doctype html>' a.html || fail 'no page'

# --- report: the page holds what the files hold -----------------------------------------------------------------------------------

mkdir cut
cp runs/1.pb.gz cut/
head -c 100 runs/2.pb.gz >cut/2.pb.gz
expect 0 'left out: "cut/2.pb.gz"' "$pyro" report cut -o cut.html
expect 0 'cut.html: 1 file, ' "$pyro" report cut -o cut.html
expect 2 'cut/2.pb.gz' "$pyro" report cut/1.pb.gz cut/2.pb.gz -o cut.html
rm cut/1.pb.gz
expect 2 'cut/2.pb.gz' "$pyro" report cut -o cut.html
expect 0 'report.html: ' "$pyro" report runs "$golden" -o report.html
if command -v python3 >/dev/null; then
  python3 -m json.tool a.speedscope.json >/dev/null || fail 'speedscope: no JSON'
  cat >sums.py <<'PYTHON'
# The sums of a page by sample type: `cpu/nanoseconds 123`.
import base64, gzip, json, re, sys
page = open(sys.argv[1], encoding="utf-8").read()
encoding, text = re.search(r'<script[^>]*id="?profile"?[^>]*data-enc="(raw|gzip)"[^>]*>([^<]*)</script>', page).groups()
data = base64.b64decode(text)
if encoding == "gzip": data = gzip.decompress(data)
size = int.from_bytes(data[:4], "little")
header = json.loads(data[4:4 + size])
at = 4 + size + sum(header["sections"][:3])
def varint():
    global at
    value = shift = 0
    while True:
        byte = data[at]; at += 1
        value |= (byte & 127) << shift; shift += 7
        if byte < 128: return value
if "view" in header: print("view", header["view"])
for t in header["types"]:
    print("%s/%s %d" % (t["name"], t["unit"], sum(varint() for _ in range(t["rows"])) * t["scale"]))
PYTHON
  python3 sums.py report.html | sort >page_sums
  for type in calls/count samples/count cpu/nanoseconds; do
    total=$("$pyro" convert runs "$golden" --type "$type" --to folded | awk '{ sum += $NF } END { printf "%.0f", sum }')
    echo "$type $total"
  done | sort >file_sums
  diff file_sums page_sums || fail 'the sums of the files (<) are not those of the page (>)'
fi

# --- diff and its gate ------------------------------------------------------------------------------------------------------------

mkdir slow
for run in 1 2 3 4; do PYRO=pprof:slow/$run.pb.gz "$worker" 0.3 300; done
mkdir base
cp runs/[1234].pb.gz base
expect 0 'handle_request' "$pyro" diff base slow
expect 1 'gate: FAILED' "$pyro" diff base slow --fail-above 10
grep -q '^  handle_request: +' out || fail 'the gate does not name the request'
grep -q '^  search: ' out || fail 'the gate does not name the search'
if grep -q '^  render: ' out; then fail 'the gate names a function that is as it was'; fi
expect 0 'gate: passed' "$pyro" diff slow base --fail-above 10
expect 0 'gate: passed' "$pyro" diff "$golden" "$golden" --fail-above 5
expect 0 'opens with the difference' "$pyro" diff --base runs/1.pb.gz runs/2.pb.gz --new slow --html diff.html
grep -qi '<!doctype html>' diff.html || fail 'no page of the difference'
if [[ -e sums.py ]]; then
  python3 sums.py diff.html | grep -x 'view view=diff&split=1&left.tag.side=base&right.tag.side=new' >/dev/null || fail 'the page does not begin with the difference'
fi
expect 2 'BASE and NEW' "$pyro" diff "$golden"
expect 2 'not in range' "$pyro" diff base slow --fail-above -3

# --- check --------------------------------------------------------------------------------------------------------------------------

expect 0 ': good' "$pyro" check runs/1.pb.gz
expect 1 'no samples' "$pyro" check <(printf '\x0a\x04\x08\x01\x10\x02\x32\x00\x32\x03cpu\x32\x0bnanoseconds')
expect 2 'byte ' "$pyro" check runs/1.pb.gz cut.pb.gz

# --- pipes, colours, completion ------------------------------------------------------------------------------------------------------

"$pyro" convert "$golden" --to text | head -n 1 >/dev/null || fail 'a reader that has seen enough is taken for an error'
(trap '' PIPE; "$pyro" top "$golden" 2>err | true) || fail 'a reader that is gone is taken for an error'
[[ ! -s err ]] || fail 'something is said of a reader that is gone'
if command -v python3 >/dev/null; then
  cat >terminal.py <<'PYTHON'
# What a command writes to a terminal.
import os, pty, sys
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
out = b""
try:
    while True:
        part = os.read(fd, 65536)
        if not part: break
        out += part
except OSError: pass
sys.stdout.buffer.write(out)
PYTHON
  export TERM=xterm
  python3 terminal.py "$pyro" top "$golden" | grep $'\033\\[1m' >/dev/null || fail 'no colours on a terminal'
  if NO_COLOR=1 python3 terminal.py "$pyro" top "$golden" | grep $'\033' >/dev/null; then fail 'colours against NO_COLOR'; fi
  if "$pyro" top "$golden" | grep $'\033' >/dev/null; then fail 'colours in a pipe'; fi
  if "$pyro" tree -i "$golden" 2>&1 | grep 'built without ncurses' >/dev/null; then
    echo 'this pyro has no tree --interactive'
  else
    expect 2 'standard output is no terminal: leave -i away' "$pyro" tree -i "$golden"
    python3 "$here/check_interactive.py" "$pyro" "$golden" || fail 'tree --interactive'
  fi
fi
"$pyro" completion bash >completion.bash
# shellcheck disable=SC1091,SC2034
complete_line() { (source ./completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pyro; echo "${COMPREPLY[*]}"); }
same "$(complete_line pyro di)" diff 'completion of a subcommand'
same "$(complete_line pyro diff --fa)" --fail-above 'completion of an option'
same "$(complete_line pyro tree --int)" --interactive 'completion of a flag'
same "$(complete_line pyro top --sort to)" total 'completion of a value'
same "$(complete_line pyro top -s to)" total 'completion of a value, short option'
same "$(complete_line pyro diff --by to)" total 'completion of what diff sorts by'
if command -v zsh >/dev/null; then "$pyro" completion zsh | zsh -n || fail 'zsh refuses its completion'; fi
if command -v fish >/dev/null; then "$pyro" completion fish | fish -n || fail 'fish refuses its completion'; fi

# --- push ---------------------------------------------------------------------------------------------------------------------------

"$pyro" push "$golden" --server http://127.0.0.1:1 2>err || true
if grep -q 'built without Boost' err; then
  echo 'this pyro cannot push'
else
  expect 2 'refuses what is older than an hour; --now' "$pyro" push "$golden" --server http://127.0.0.1:1
  expect 2 'Connection refused' "$pyro" push runs/1.pb.gz --server http://127.0.0.1:1 --timeout 1
  expect 2 'no server' "$pyro" push runs/1.pb.gz
  if command -v go >/dev/null && GOFLAGS=-mod=mod go build -C "$repo/tests/pyroscope" -o "$work/sink" ./sink 2>sink.build; then
    ./sink >sink.out 2>sink.err &
    sink=$!
    for ((i = 0; i < 100; ++i)); do
      address=$(grep -ohm1 'http://[0-9.:]*' sink.out sink.err 2>/dev/null || true)
      if [[ -n $address ]]; then break; fi
      sleep 0.1
    done
    samples=$("$pyro" convert "$golden" --type samples --to folded | awk '{ sum += $NF } END { print sum + 0 }')
    expect 0 '2,843 samples of 1 file pushed' "$pyro" push "$golden" --server "$address" --now
    grep -q 'all times are moved by +' err || fail 'push --now does not say that it has changed the times'
    same "$samples" 2843 'samples of the golden file'
    expect 0 'files pushed' "$pyro" push runs --server "$address" --application other --label commit=1ab2c3d
    kill "$sink"
    wait "$sink" 2>/dev/null || true
    sink=
  else
    echo 'there is no sink: nothing is pushed'
  fi
fi

if ((failed)); then exit 1; fi
echo 'ok   the command does what its help says'
