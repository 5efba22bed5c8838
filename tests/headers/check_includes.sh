#!/usr/bin/env bash
# Holds every #include under include/pyro against the rules in include/pyro/README.md, which this script reads: who may include whom,
# what may come from outside, no cycles; and that each header opens as it should. Prints `file:line: what is wrong`.
#
# usage: check_includes.sh [DIR]     DIR has README.md and the headers; default: this repository's include/pyro
set -euo pipefail

dir=${1:-$(dirname "${BASH_SOURCE[0]}")/../../include/pyro}
cd -- "$dir"
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

find . -name '*.hpp' -printf '%P\n' | LC_ALL=C sort >"$work/headers"
mapfile -t headers <"$work/headers"
((${#headers[@]} > 0)) || { echo "check_includes: no headers in $dir" >&2; exit 1; }

status=0
awk -v edges="$work/edges" '
  function complain(what) { printf "%s:%d: %s\n", FILENAME, FNR, what; wrong = 1 }
  function folder_of(path) { return path ~ /\// ? substr(path, 1, index(path, "/")) : path }

  # --- the rules: | `where` | what | `a/` `b.hpp` | outside |
  FILENAME == "README.md" {
    if ($0 !~ /^\| `/) next
    split($0, cell, /\|/)
    gsub(/[ `]/, "", cell[2])
    where = cell[2]
    known[where] = FNR
    count = split(cell[4], word, /[ `]+/)
    for (i = 1; i <= count; ++i) if (word[i] != "") may[where, word[i]] = 1
    if (cell[5] ~ /(^| )any( |$)/) outside[where, "any"] = 1
    if (cell[5] ~ /(^| )C\+\+( |$)/) outside[where, "C++"] = 1
    count = split(cell[5], word, /[ `]+/)
    for (i = 1; i <= count; ++i) if (word[i] ~ /^</) outside[where, word[i]] = 1
    next
  }

  # --- the headers
  FNR == 1 {
    ++seen
    own = folder_of(FILENAME)
    used[own] = used[FILENAME] = 1
    if (!(own in known)) complain("README.md has no row for `" own "`")
    if ($0 != "#pragma once") complain("the first line must be #pragma once")
  }
  FNR == 2 && !/^\/\/ / { complain("the second line must begin the comment that says what the header is for") }
  /^[ \t]*#[ \t]*include/ {
    if (!match($0, /[<"][^>"]*[>"]/)) { complain("an #include that this check cannot read"); next }
    bracketed = substr($0, RSTART, RLENGTH)
    name = substr(bracketed, 2, length(bracketed) - 2)
    if (name !~ /^pyro\//) {
      if (bracketed ~ /^"/) complain("own headers are included as <pyro/...>, not " bracketed)
      standard = name !~ /[.\/]/
      if (!((own, "any") in outside || (FILENAME, "any") in outside || (own, bracketed) in outside || (FILENAME, bracketed) in outside ||
            standard && ((own, "C++") in outside || (FILENAME, "C++") in outside)))
        complain("`" own "` may not include " bracketed)
      next
    }
    if (bracketed ~ /^"/) complain("own headers are included with <>")
    target = substr(name, 6)
    print FILENAME, target >edges
    there = folder_of(target)
    if (there == own && own ~ /\/$/) next
    if ((own, there) in may || (own, target) in may || (FILENAME, there) in may || (FILENAME, target) in may) next
    complain("`" own "` may not include <" name ">")
  }

  END {
    for (where in known) if (!(where in used)) { printf "README.md:%d: `%s` does not exist\n", known[where], where; wrong = 1 }
    if (seen < ARGC - 2) { print "check_includes: not every header was read"; wrong = 1 }
    exit wrong
  }
' README.md "${headers[@]}" || status=1

touch "$work/edges"
cut -d ' ' -f 2 "$work/edges" | LC_ALL=C sort -u | LC_ALL=C comm -13 "$work/headers" - >"$work/absent"
while read -r absent; do
  echo "<pyro/$absent> is included, but there is no such header"
  status=1
done <"$work/absent"
if ! tsort "$work/edges" >/dev/null 2>"$work/cycle"; then
  echo "headers include each other in a circle:"
  sed -n 's/^tsort: \(.*\.hpp\)$/  \1/p' "$work/cycle"
  status=1
fi

((status)) || echo "${#headers[@]} headers, $(wc -l <"$work/edges") includes of each other: all as README.md has it"
exit "$status"
