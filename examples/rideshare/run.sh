#!/usr/bin/env bash
# The ride-sharing demonstration, from a fresh Debian 12 on: installs what is missing, builds, runs three regions under load and
# shows what the profiles say; the report in one page too. Leaves nothing running.
set -euo pipefail

usage() {
  cat <<'EOF'
usage: bash examples/rideshare/run.sh [--seconds N] [--out DIR] [--server URL]

Builds the ride-sharing service, runs it in three regions (us-east, eu-north, ap-south) on free local ports, orders bikes,
scooters and cars for a while, and profiles it all with pyro.

  --seconds N   how long the load lasts (60)
  --out DIR     where the profiles go (out/rideshare in the repository)
  --server URL  push to this Pyroscope server as well, such as http://localhost:4040; for logins and tenants set PYROSCOPE_BASIC_AUTH_USER,
                PYROSCOPE_BASIC_AUTH_PASSWORD, PYROSCOPE_AUTH_TOKEN, PYROSCOPE_TENANT_ID

DIR gets report.html, which shows it all in a browser, without a server or a network, and for each region:
  REGION-*.pb.gz   one pprof file for every 5 seconds
  REGION.folded    the whole run, one line a stack, for flame graph tools
  REGION.txt       the whole run, to be read
  REGION.log       what the server said
Files of these names from an earlier run are replaced. Missing Debian packages are installed if that needs no password.
EOF
}

fail() {
  printf 'run.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$repo/build/rideshare
out=$repo/out/rideshare
seconds=60
server=${PYROSCOPE_SERVER_ADDRESS-}
while (($#)); do
  case $1 in
    --seconds) seconds=${2-}; shift ;;
    --out) out=${2-}; shift ;;
    --server) server=${2-}; [[ $server ]] || fail "--server needs the URL of a Pyroscope server" 2; shift ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; fail "unknown option $1" 2 ;;
  esac
  shift || fail "the last option needs a value" 2
done
[[ $seconds =~ ^[1-9][0-9]{0,4}$ ]] || fail "--seconds must be a whole number from 1 to 99999" 2
[[ -n $out ]] || fail "--out needs a folder" 2
mkdir -p -- "$out"
out=$(cd -- "$out" && pwd)
[[ $out != *,* ]] || fail "$out: a comma separates pyro's outputs, so no folder's name may have one: give another --out" 2

# However this script ends, it ends its children by their own ids and waits until they have written their profiles.
children=()
crashed=0
stop_children() {
  local pid
  for pid in ${children[@]+"${children[@]}"}; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in ${children[@]+"${children[@]}"}; do wait "$pid" || crashed=1; done
  children=()
}
interrupted() {
  stop_children
  printf '\nstopped; the profiles so far are in %s\n' "$out" >&2
  exit "$1"
}
trap stop_children EXIT
trap 'interrupted 130' INT
trap 'interrupted 143' TERM HUP

# --- what it takes -----------------------------------------------------------------------------------------------------------

has_header() { c++ -E -x c++ - <<<"#include <$1>" >/dev/null 2>&1; }

packages=()
command -v c++ >/dev/null || packages+=(g++)
command -v make >/dev/null || packages+=(make)
command -v cmake >/dev/null || packages+=(cmake)
if ! command -v c++ >/dev/null || ! has_header boost/beast/version.hpp; then packages+=(libboost-dev); fi
# The command `pyro`, which writes the report, is made of these two.
if ! command -v c++ >/dev/null || ! has_header zlib.h; then packages+=(zlib1g-dev); fi
if ! command -v c++ >/dev/null || ! has_header CLI/CLI.hpp; then packages+=(libcli11-dev); fi
if [[ $server ]]; then  # files and a bare http server do without it
  if ! command -v c++ >/dev/null || ! has_header openssl/ssl.h; then packages+=(libssl-dev); fi
fi
if ((${#packages[@]})); then
  install=(apt-get install -y --no-install-recommends "${packages[@]}")
  as_root=()
  if ((EUID != 0)); then as_root=(sudo -n); fi
  if ! command -v apt-get >/dev/null || ! ${as_root[@]+"${as_root[@]}"} true 2>/dev/null; then
    fail "these are missing: ${packages[*]}. Install them and try again:
  sudo apt-get update && sudo ${install[*]}" 2
  fi
  echo "installing ${packages[*]} ..."
  ${as_root[@]+"${as_root[@]}"} apt-get update -qq
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive "${install[@]}" >/dev/null
fi

# --- build -------------------------------------------------------------------------------------------------------------------

echo "building in $build ..."
mkdir -p -- "$build"
if ! {
  cmake -S "$repo" -B "$build" -DCMAKE_BUILD_TYPE=Release \
    -DPYRO_BUILD_EXAMPLES=ON -DPYRO_BUILD_TESTS=OFF -DPYRO_BUILD_BENCHMARKS=OFF -DPYRO_BUILD_COMMAND=ON &&
    cmake --build "$build" --target rideshare_server rideshare_load pyro_command -j "$(nproc)"
} >"$build/build.log" 2>&1; then
  tail -n 30 -- "$build/build.log" >&2
  fail "the build failed; all of it is in $build/build.log"
fi
programs=$build/examples/rideshare

# --- run ---------------------------------------------------------------------------------------------------------------------

regions=(us-east eu-north ap-south)
targets=()
rm -f -- "$out/report.html"
for region in "${regions[@]}"; do
  rm -f -- "$out/$region"-*.pb.gz "$out/$region".{folded,txt,log}
  files=${out//%/%%}/$region  # a lone % begins a placeholder
  PYROSCOPE_SERVER_ADDRESS=$server REGION=$region RIDESHARE_LISTEN_PORT=0 RIDESHARE_PERIOD_SECONDS=15 PYRO_WINDOW=5s \
    PYRO="pprof:$files-%w.pb.gz,folded:$files.folded,text:$files.txt" \
    "$programs/rideshare_server" >"$out/$region.log" 2>&1 &
  children+=($!)
done
for i in "${!regions[@]}"; do
  region=${regions[i]}
  address=
  for ((tries = 0; tries < 100; ++tries)); do
    address=$(sed -n 's/^listening on \([^ ]*\).*/\1/p' "$out/$region.log")
    if [[ -n $address ]] || ! kill -0 "${children[i]}" 2>/dev/null; then break; fi
    sleep 0.1
  done
  [[ -n $address ]] || { cat -- "$out/$region.log" >&2; fail "the server of $region did not start"; }
  echo "$region is at $address"
  targets+=(--target "$region=$address")
done

status=0
"$programs/rideshare_load" "${targets[@]}" --seconds "$seconds" &
children+=($!)
wait "${children[-1]}" || status=$?
unset 'children[-1]'
stop_children
((crashed == 0)) || fail "a server ended badly; what the servers said is in $out/*.log"
((status == 0)) || fail "the load failed; what the servers said is in $out/*.log"

# --- what came of it ------------------------------------------------------------------------------------------------------

# A .folded file holds the CPU nanoseconds of the whole run: `frame;frame;frame 10000000`, the outermost frame first.
folded=("${regions[@]/#/$out/}")
folded=("${folded[@]/%/.folded}")
echo
awk '
  function region_of(path) {
    gsub(/.*\/|\.folded$/, "", path)
    return path
  }
  function print_head(title,    i) {
    printf "%-28s", title
    for (i = 1; i < ARGC; ++i) printf " %9s", region_of(ARGV[i])
    print ""
  }
  function print_row(title, seconds, row,    i) {
    printf "  %-26s", title
    for (i = 1; i < ARGC; ++i) printf " %9.2f", seconds[row, ARGV[i]]
    print ""
  }
  {
    seconds = $NF / 1e9
    sub(/ [0-9]+$/, "")
    depth = split($0, frame, ";")
    order = "no order"
    for (i = 1; i <= depth; ++i) if (frame[i] ~ /^order_/) order = frame[i]
    by_order[order, FILENAME] += seconds
    by_order["all", FILENAME] += seconds
    by_function[frame[depth], FILENAME] += seconds
    total[frame[depth]] += seconds
  }
  END {
    print_head("CPU seconds by order")
    rows = split("order_bike,order_scooter,order_car,no order,all", row, ",")
    for (i = 1; i <= rows; ++i) print_row(row[i], by_order, row[i])
    print ""
    print_head("CPU seconds by function")
    for (i = 1; i <= 6; ++i) {
      most = ""
      for (name in total) if (most == "" || total[name] > total[most]) most = name
      if (most == "") break
      print_row(substr(most, 1, 26), by_function, most)
      delete total[most]
    }
  }
' "${folded[@]}"

# Files of this run alone: there may be others in the folder.
profiles=("${regions[@]/#/$out/}")
echo
pprof_files=()
for prefix in "${profiles[@]}"; do pprof_files+=("$prefix"-*.pb.gz); done
"$build/command/pyro" report "${pprof_files[@]}" -o "$out/report.html" --title ride-sharing-app || fail "the report could not be written"

dir=$(printf %q "$out")
cat <<EOF

The trouble of eu-north is mutex_lock: half of a car's CPU in calm periods, four fifths in busy ones, in turns of 15 seconds.
Open the report in a browser, as a file (no server, no network); examples/rideshare/README.md tells what to click:
  $dir/report.html
Or look closer in a terminal:
  less $dir/eu-north.txt
  go tool pprof -top -cum -show='order_|mutex_lock' $dir/eu-north-*.pb.gz
  go tool pprof -tags $dir/*.pb.gz
  go tool pprof -top -tagfocus=vehicle=car $dir/eu-north-*.pb.gz
  go tool pprof -http=: $dir/*.pb.gz
The .folded files open in https://www.speedscope.app, and flamegraph.pl draws them.
EOF
if [[ $server ]]; then
  cat <<'EOF'
The server has it all too: application ride-sharing-app, type process_cpu, labels region and vehicle; compare a calm and a busy period of
{service_name="ride-sharing-app", region="eu-north"}.
EOF
fi
