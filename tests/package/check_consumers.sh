#!/usr/bin/env bash
# Uses pyro as other projects do: with CMake installed (and moved afterwards) and as a subdirectory, with Meson as a subproject. A version that is
# too new or of another major number is refused; a nested pyro builds nothing and leaves its parent's settings alone.
#
# usage: check_consumers.sh CMAKE COMPILER
set -euo pipefail

cmake=$1
export CXX=$2
here=$(cd -- "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd -- "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
if command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi

quietly() {
  if ! "$@" >"$work/log" 2>&1; then
    cat "$work/log"
    echo "^^^ $*"
    return 1
  fi
}

quietly "$cmake" -S "$repo" -B "$work/build" -DPYRO_BUILD_COMMAND=OFF -DPYRO_BUILD_TESTS=OFF -DPYRO_BUILD_EXAMPLES=OFF -DPYRO_BUILD_BENCHMARKS=OFF
quietly "$cmake" --install "$work/build" --prefix "$work/first"
mv -- "$work/first" "$work/moved"
if grep -rlF -e "$work" -e "$repo" "$work/moved"; then echo '^^^ installed files that hold a path of this machine'; exit 1; fi
(cd -- "$repo/include" && find pyro -name '*.hpp' | sort) >"$work/wanted"
(cd -- "$work/moved/include" && find . -type f -printf '%P\n' | sort) >"$work/got"
diff "$work/wanted" "$work/got" || { echo '^^^ installed headers (>) are not those of the repository (<)'; exit 1; }

quietly "$cmake" -S "$here/consumer" -B "$work/find" -DHOW=find "-DCMAKE_PREFIX_PATH=$work/moved"
quietly "$cmake" --build "$work/find"
echo "find_package: $("$work/find/consumer")"

for version in 0.99 1.0; do
  if "$cmake" -S "$here/consumer" -B "$work/refused" -DHOW=find "-DWANTED=$version" "-DCMAKE_PREFIX_PATH=$work/moved" >"$work/log" 2>&1; then
    echo "find_package(pyro $version) must be refused"
    exit 1
  fi
  grep -q 'moved/.*/pyroConfig.cmake, version: ' "$work/log" || { cat "$work/log"; echo '^^^ refused for another reason'; exit 1; }
done
echo "find_package: other versions are refused"

quietly "$cmake" -S "$here/consumer" -B "$work/add" -DHOW=add "-DPYRO_SOURCE=$repo"
quietly "$cmake" --build "$work/add"
echo "add_subdirectory: $("$work/add/consumer")"

if command -v meson >/dev/null; then
  mkdir -p "$work/meson/subprojects"
  cp -- "$here"/consumer/{meson.build,*.cpp} "$work/meson"
  ln -s -- "$repo" "$work/meson/subprojects/pyro"
  quietly meson setup "$work/meson/build" "$work/meson"
  quietly ninja -C "$work/meson/build"
  if [[ -e $work/meson/build/subprojects/pyro/tests/unit_tests ]]; then echo 'a nested pyro builds its tests'; exit 1; fi
  echo "meson: $("$work/meson/build/consumer")"
else
  echo "meson is not there: its consumer is left out"
fi
