#!/usr/bin/env bash
# What the macros cost: times as ratios to two raw clock reads (rdtsc) of the same run, because those hold on any machine and on a busy one;
# what the header costs to compile; and what native stacks cost, in their own units. Builds to build/benchmarks. Exits with 0 also where a target is missed: the table says so.
set -euo pipefail

usage() {
  cat <<'EOT'
usage: bash benchmarks/run.sh [--quick]

  --quick   fewer passes: under a minute after the build
EOT
}

passes=9
for option in "$@"; do
  case $option in
    --quick) passes=3 ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; printf 'run.sh: unknown option %s\n' "$option" >&2; exit 2 ;;
  esac
done

repo=$(cd -- "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$repo/build/benchmarks
for variable in "${!PYRO@}"; do unset "$variable"; done

packages=()
command -v g++ >/dev/null || packages+=(g++)
command -v cmake >/dev/null || packages+=(cmake)
command -v ninja >/dev/null || packages+=(ninja-build)
[[ -e /usr/include/benchmark/benchmark.h ]] || packages+=(libbenchmark-dev)
if ((${#packages[@]})); then bash "$repo/tools/install.sh" "${packages[@]}"; fi

mkdir -p -- "$build"
log=$build/build.log
if ! { cmake -S "$repo" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=g++ -DPYRO_BUILD_TESTS=OFF \
  -DPYRO_BUILD_EXAMPLES=OFF -DPYRO_BUILD_BENCHMARKS=ON && cmake --build "$build"; } >"$log" 2>&1; then
  tail -n 40 -- "$log" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# Lines for report.awk; of what is not a time, value and ratio are the same.
line() { printf '%d\theader/%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "$4" "$5"; }

# --- what the header costs: a file of 100 functions, with a scope in each and without, the fastest of five each in turn ------------------
functions() {
  echo '#include <pyro/pyro.hpp>'
  echo 'void work(int);'
  for ((i = 0; i < 100; ++i)); do echo "void function_$i(int n) { $1 work(n); work(n + $i); }"; done
}
functions 'PYRO_SCOPE();' >"$work/with.cpp"
functions '' | tail -n +2 >"$work/without.cpp"
compile() { g++ -std=c++17 -O2 "-I$repo/include" -c "$work/$1.cpp" -o "$work/$1.o" "${@:2}"; }
header_cost() {
  local place=500 standard file least seconds flags
  for standard in c++17 c++20 c++23; do
    line $((place++)) "preprocessed lines, $standard" '' \
      "$(echo '#include <pyro/pyro.hpp>' | g++ "-std=$standard" "-I$repo/include" -E -P -x c++ - | wc -l)" '<1500'
  done
  TIMEFORMAT='%U %S'
  for file in with without; do
    least=
    for ((i = 0; i < 5; ++i)); do
      seconds=$({ time compile "$file"; } 2>&1 | awk '{ print $1 + $2 }')
      least=$(awk -v a="${least:-$seconds}" -v b="$seconds" 'BEGIN { print a < b ? a : b }')
    done
    line $((place++)) "compiling 100 functions $file scopes" s "$least" "$([[ $file == with ]] && echo '<0.5' || echo -)"
  done
  for flags in '' -fPIC; do
    for file in with without; do
      # shellcheck disable=SC2086
      compile "$file" $flags
      # Code, exception tables and unwind tables; the site's own data and names are constants beside.
      size -A -- "$work/$file.o" | awk '/^\.(text|eh_frame|gcc_except_table)/ { sum += $2 } END { print sum }' >"$work/$file.size"
    done
    line $((place++)) "bytes of code and tables a scope${flags:+, $flags}" B "$((($(<"$work/with.size") - $(<"$work/without.size")) / 100))" '<128'
  done
}

printf '%-42s %9s %9s %-5s %8s %8s\n' 'cost of' least median '' ratio target
{ "$build/benchmarks/hot_path" --table "--passes=$passes" && header_cost && "$build/benchmarks/native_stacks" --table "--passes=$passes"; } | sort -s -n -k 1,1 | awk -f "$repo/benchmarks/report.awk"
