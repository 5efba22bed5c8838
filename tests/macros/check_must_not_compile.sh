#!/usr/bin/env bash
# Each file in must_not_compile/ is a program that compiles, and with -DBAD one that must not: at the line marked `// here`, with an error that
# matches the file's first line (`// expect: REGULAR EXPRESSION`). Both also with PYRO_DISABLE, which still checks arguments.
#
# usage: check_must_not_compile.sh COMPILER STANDARD
set -euo pipefail

compiler=$1
standard=$2
cd -- "$(dirname "${BASH_SOURCE[0]}")"
flags=("-std=$standard" -I../../include -Wall -Wextra -fsyntax-only)

checked=0
status=0
fail() {
  echo "$case${define:+ $define}: $1"
  status=1
}
for case in must_not_compile/*.cpp; do
  expected=$(sed -n '1s|^// expect: ||p' "$case")
  line=$(grep -n '// here$' "$case" | cut -d : -f 1)
  if [[ -z $expected || ! $line =~ ^[0-9]+$ ]]; then
    define='' fail 'needs a first line "// expect: ..." and one line that ends in "// here"'
    continue
  fi
  for define in '' -DPYRO_DISABLE; do
    command=("$compiler" "${flags[@]}" ${define:+"$define"})
    if ! output=$("${command[@]}" -Werror "$case" 2>&1); then
      fail "without the bad line it must compile:"$'\n'"$output"
      continue
    fi
    if output=$(LC_ALL=C "${command[@]}" -DBAD "$case" 2>&1); then
      fail "line $line must not compile, but does"
      continue
    fi
    grep -Eq -- "$expected" <<<"$output" || fail "it does not compile, but says nothing like \"$expected\":"$'\n'"$output"
    grep -Fq -- "$case:$line:" <<<"$output" || fail "it does not compile, but the error does not lead to line $line:"$'\n'"$output"
    checked=$((checked + 1))
  done
done

((checked > 0)) || { echo "check_must_not_compile: no cases"; exit 1; }
((status)) || echo "$checked wrong uses are refused for the right reason: $compiler -std=$standard"
exit "$status"
