#!/usr/bin/env bash
# The programs of this folder built for aarch64, statically and not, and run by qemu. Skipped (77) where either is missing.
#
# usage: check_aarch64.sh [SAMPLES]     of the comparison with libgcc; default: 5000
set -euo pipefail

here=$(cd -- "$(dirname "${BASH_SOURCE[0]}")" && pwd)
compiler=aarch64-linux-gnu-g++
root=/usr/aarch64-linux-gnu
for tool in "$compiler" qemu-aarch64-static; do
  command -v "$tool" >/dev/null || { echo "SKIPPED: there is no $tool here (Debian: g++-aarch64-linux-gnu qemu-user-static)"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
flags=(-std=c++17 -Wall -Wextra -Wshadow -Wconversion -Wpedantic -Werror "-I$here/../../include" -pthread)

status=0
# name SOURCE OPTIONS... -- [ENVIRONMENT...] -- ARGUMENTS...
check() {
  local source=$1 options=() environment=() label
  shift
  while [[ $1 != -- ]]; do options+=("$1"); shift; done
  shift
  while [[ $1 != -- ]]; do environment+=(-E "$1"); shift; done
  shift
  label="$source ${options[*]} ${environment[*]} $*"
  "$compiler" "${flags[@]}" "${options[@]}" "$here/$source.cpp" -o "$work/program"
  if timeout 120 qemu-aarch64-static -L "$root" "${environment[@]}" "$work/program" "$@"; then
    echo "passed: $label"
  else
    echo "FAILED ($?): $label"
    status=1
  fi
}

samples=${1:-5000}
check specials -O2 -- --
check specials -O0 -- --
check specials -O2 -static -- --
check specials -O2 -fomit-frame-pointer -mbranch-protection=standard -- --
check differential -O2 -static -- -- "$samples"
check differential -O2 -mbranch-protection=standard -static -- -- "$samples"
check differential -O2 -- LD_BIND_NOW=1 -- "$samples"
# libgcc believes glibc's tables for lazy binding, which are wrong, and crashes.
check differential -O1 -- -- "$samples" alone
"$compiler" -O2 -fPIC -shared "$here/plugin.cpp" -o "$work/plugin.so"
check modules -O2 -- -- "$work/plugin.so" 500
exit "$status"
