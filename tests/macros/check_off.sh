#!/usr/bin/env bash
# Reads the machine code of off.cpp: while no profiler runs, each scope or tag on the way to the function's body is one load of the
# module's state, one test and one branch, and there is no call but the body's own, before it or after it.
# Also what a scope costs in bytes of code.
#
# usage: check_off.sh COMPILER     exits with 77 (skipped) on machines other than x86-64
set -euo pipefail

compiler=$1
cd -- "$(dirname "${BASH_SOURCE[0]}")"
if [[ $("$compiler" -dumpmachine) != x86_64* ]]; then echo "skipped: the check reads x86-64 code alone"; exit 77; fi
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
most_bytes=128

status=0
check() {  # FUNCTION, number of MACROS in it
  # Follows the instructions, at each branch the way that is taken where what was tested is zero.
  awk -v name="$1" -v macros="$2" '
    /^[0-9a-f]+ <.*>:$/ { inside = $2 == "<" name ">:"; next }
    !inside || NF == 0 { next }
    /^[ \t]+[0-9a-f]+:[ \t]+[0-9A-F_a-z]*R_X86_64/ { code[count] = code[count] " {" $3 "}"; next }  # belongs to the one before
    /^[ \t]+[0-9a-f]+:/ {
      ++count
      address[count] = $1
      sub(/:$/, "", address[count])
      at[address[count]] = count
      line = $0
      sub(/^[^:]*:[ \t]*/, "", line)
      code[count] = line
    }
    function refuse(why) { printf "%s: %s\n", name, why; for (i = 1; i <= shown; ++i) print "    " trail[i]; failed = 1; exit 1 }
    END {
      if (failed) exit 1
      if (count == 0) refuse("not in the object file")
      for (here = 1; here <= count; ) {
        if (++shown > 200) refuse("no way out")
        line = trail[shown] = code[here]
        split(line, part, /[ \t]+/)
        op = part[1]
        if (line ~ /\{.*this_module/) {
          if (op !~ /^(mov|cmp)/) refuse("does not load or compare the state: " line)
          ++loads
          tested = op ~ /^cmp/
        } else if (op ~ /^(test|cmp)/) tested = 1
        if (op ~ /^call/ || op == "jmp" && line ~ /\{/) {
          if (line !~ /\{body[-+}]/) refuse("calls something while it is off: " line)
          ++bodies
          if (loads != macros || branches != macros) refuse(loads " loads of the state and " branches " branches before the body, not " macros)
          if (op == "jmp") break
        } else if (op == "jmp" || op ~ /^j/) {
          if (op != "jmp") {
            if (op !~ /^jn?e$/ || !tested) refuse("branches on something else: " line)
            ++branches
            tested = 0
          }
          if (op != "jne") {
            if (!(part[2] in at)) refuse("leaves the function: " line)
            here = at[part[2]]
            continue
          }
        } else if (op ~ /^ret/) break
        ++here
      }
      if (bodies != 1) refuse("runs the body " (bodies + 0) " times")
    }' "$work/code" || status=1
}


for flags in "-O2" "-O2 -fPIC" "-O2 -std=c++2b -fno-exceptions" "-O1"; do
  read -ra words <<<"$flags"
  "$compiler" -std=c++17 "${words[@]}" -I../../include -c off.cpp -o "$work/with.o"
  objdump -dr --no-show-raw-insn "$work/with.o" >"$work/code"
  for ((n = 0; n < 10; ++n)); do check "scope_$n" 1; done
  check literal_tag 1
  check text_tag 1
  check two 2
  ((status)) && { echo "^^^ $compiler $flags"; exit 1; }
done

# Ten scopes against none; what all of them share counts once in a program, so it is taken out by looking at the functions alone.
for variant in with without; do
  define=()
  if [[ $variant == without ]]; then define=(-DWITHOUT); fi
  "$compiler" -std=c++17 -O2 ${define[@]+"${define[@]}"} -I../../include -c off.cpp -o "$work/$variant.o"
done
functions='^scope_[0-9]([.]cold)?$'
size_of() {
  objdump -t "$1" | awk -v functions="$functions" '$NF ~ functions && $0 ~ / F \.text/ {
    h = $(NF - 1); n = 0
    for (i = 1; i <= length(h); ++i) n = n * 16 + index("0123456789abcdef", substr(h, i, 1)) - 1
    sum += n
  } END { print sum + 0 }'
}
bytes=$((($(size_of "$work/with.o") - $(size_of "$work/without.o")) / 10))
echo "a scope is $bytes bytes of code, of at most $most_bytes: $compiler -O2"
((bytes > 0 && bytes <= most_bytes)) || exit 1
echo "off, scopes and tags are a load, a test and a branch: $compiler"
