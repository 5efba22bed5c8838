#!/usr/bin/env bash
# Compiles uses.cpp and other.cpp with warnings as errors in each configuration, links them, and runs what comes of it.
#
# usage: check_uses.sh COMPILER STANDARD LEVEL...     such as: check_uses.sh g++ c++17 -O0 -O2
set -euo pipefail

compiler=$1
standard=$2
levels=("${@:3}")
cd -- "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

flags=("-std=$standard" -I../../include -Wall -Wextra -Wshadow -Wconversion -Wpedantic -Wold-style-cast -Wcast-qual -Werror)
if "$compiler" -Werror -Wuseless-cast -E -x c++ /dev/null >/dev/null 2>&1; then flags+=(-Wuseless-cast); fi

checked=0
status=0
check() {  # NAME FLAG...
  local name=$1
  shift
  if ! { "$compiler" "${flags[@]}" "$@" -o "$work/uses" && "$work/uses"; }; then
    echo "^^^ $name: $compiler ${flags[*]} $*"
    status=1
  fi
  checked=$((checked + 1))
}
for level in "${levels[@]}"; do
  check "two files" "$level" uses.cpp other.cpp
  check "one file of two" "$level" -DUNITY uses.cpp
  check "turned off" "$level" -DPYRO_DISABLE uses.cpp other.cpp
  check "no exceptions, no RTTI" "$level" -fno-exceptions -fno-rtti uses.cpp other.cpp
done
check "position independent, everything visible" "${levels[0]}" -fPIC -fvisibility=default uses.cpp other.cpp

((status)) || echo "$checked programs compile without a warning and run: $compiler -std=$standard"
exit "$status"
