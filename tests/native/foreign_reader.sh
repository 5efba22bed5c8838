#!/bin/sh
# Merged stacks as Google's pprof reads them (`go tool pprof`), from a program with one include and no other annotation but a late scope.
#
#   foreign_reader.sh PROGRAM     the program of whole_process.cpp
#
# Exit status: 0 all well, 1 a check failed, 77 (skipped) where Go, Python or readelf is missing.
set -eu

for tool in go python3 readelf; do
  command -v "$tool" >/dev/null || { echo "foreign_reader: no $tool: skipped" >&2; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TZ=UTC HOME="${HOME:-$work}" PPROF_TMPDIR="$work"

PYRO="pprof:$work/late.pb.gz" PYRO_SAMPLE_RATE=1000 "$1" late >"$work/out"
for report in raw "top -cum" traces; do
  name=${report%% *}
  # shellcheck disable=SC2086  # options
  go tool pprof -symbolize=none -nodefraction=0 -$report "$work/late.pb.gz" >"$work/$name" 2>"$work/stderr" || { cat "$work/stderr" >&2; exit 1; }
  if grep -v '^Generating report in' "$work/stderr" >&2; then echo "foreign_reader: pprof complains" >&2; exit 1; fi
done
readelf -n "$1" | sed -n 's/.*Build ID: //p' >"$work/build_id"

python3 - "$work" "$1" <<'PYTHON'
import os, re, sys
work, program = sys.argv[1:]
def text(name): return open(os.path.join(work, name)).read()
failures = 0
def check(good, what):
    global failures
    if not good:
        failures += 1
        print("FAILED:", what, file=sys.stderr)

raw = text("raw")
locations, mappings = raw.split("\nLocations\n")[1].split("\nMappings\n")
modules = {}
for line in mappings.splitlines():
    m = re.match(r"\s*(\d+): 0x([0-9a-f]+)/0x([0-9a-f]+)/0x([0-9a-f]+) (\S*) ?(\S*)", line)
    if m: modules[m[1]] = (int(m[2], 16), int(m[3], 16), m[5], m[6])
own = [m for m in modules.values() if os.path.realpath(m[2]) == os.path.realpath(program)]
check(len(own) >= 1, "no mapping of the program")
build_id = text("build_id").strip()
if build_id: check(all(m[3] == build_id for m in own), "the program's build id is not %s: %s" % (build_id, own))
libc = [m for m in modules.values() if "libc.so" in m[2]]
check(len(libc) >= 1 and all(re.fullmatch("[0-9a-f]{40}", m[3]) for m in libc), "no libc with its build id: %s" % libc)

seen = inside = mangled = 0
for line in locations.splitlines():
    m = re.match(r"\s*\d+: 0x([0-9a-f]+) (?:M=(\d+) )?(.*)", line)
    if not m: continue
    address = int(m[1], 16)
    seen += 1
    if address == 0: continue  # a scope: it has no instruction
    check(m[2] in modules, "no mapping: " + line)
    if m[2] in modules:
        begin, end = modules[m[2]][:2]
        check(begin <= address < end, "outside of its mapping %#x-%#x: %s" % (begin, end, line))
        inside += 1
    if "scenario::" in m[3]:
        check(re.search(r"\(_ZN8scenario\w+\)", m[3]) is not None, "no mangled system name: " + line)
        mangled += 1
check(inside >= 4 and mangled >= 1, "%d locations, %d with a mapping, %d mangled" % (seen, inside, mangled))

# From the leaf: the scope, the function that it stands in, the standard library's thread, and what the thread begins with.
def at(line, name):
    return re.search(r"(^|\s)" + re.escape(name) + r"(\(|$|\s)", line) is not None
traces = [[line[11:].strip() for line in t.splitlines() if line.strip()] for t in re.split(r"-{5,}\+-+", text("traces"))]
def has_order(trace, *names):
    i = 0
    for line in trace:
        if i < len(names) and at(line, names[i]): i += 1
    return i == len(names)
check(any(has_order(t, "late", "scenario::late_scope", "start_thread") or has_order(t, "late", "scenario::late_scope") for t in traces),
      "no trace has the scope within its function")
check(not any(has_order(t, "scenario::late_scope", "late") for t in traces), "the scope is further out than its function")

cum = {}
for line in text("top").splitlines():
    m = re.match(r"\s*(\S+)\s+\S+%\s+\S+%\s+(\S+?)(ms|s)\s+(\S+)%\s+(.*)", line)
    if m: cum[m[5]] = float(m[2]) * (1000 if m[3] == "s" else 1)
def cumulated(name): return max([v for k, v in cum.items() if at(k, name)] or [0])
check(250 <= cumulated("late") <= 350, "late has %s ms" % cumulated("late"))
check(450 <= cumulated("scenario::late_scope") <= 750, "scenario::late_scope has %s ms" % cumulated("scenario::late_scope"))
check("pyro::" not in raw, "pyro shows")
print("%d locations, %d in their mappings, %d mangled names, %d mappings; late %.0f ms, late_scope %.0f ms" %
      (seen, inside, mangled, len(modules), cumulated("late"), cumulated("scenario::late_scope")))
if failures: print(text("raw"), text("traces"), text("top"), file=sys.stderr)
sys.exit(failures != 0)
PYTHON
echo "the foreign reader agrees"
