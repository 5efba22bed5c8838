#!/usr/bin/env bash
# The rideshare's containers, as far as they can be held to account without Docker:
#
#   - docker-compose.yml has the services, ports and build targets that it should, and settings that the code really reads;
#   - Grafana's files lead to its Pyroscope;
#   - no command prints a secret, and a file of secrets reaches neither git nor a builder;
#   - the Dockerfile's packages are Debian's, its RUN lines build the programs from the files that it copies, and the images have
#     the libraries that the programs need;
#   - the programs start with the compose file's settings, serve its load and keep passwords to themselves;
#   - the READMEs quote code that is there, name settings that are there, and agree with each other.
#
# One `ok` or `FAIL` line a check; exits with 1 after a FAIL. The build takes up to a minute. Needs python3 with PyYAML.
# As root it installs what the build stage installs, where that is missing; else packages are looked up alone.
#
# usage: check_compose.sh     PYRO_TEST_NO_INSTALL=1: installs nothing
set -euo pipefail

repo=$(cd -- "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$repo/tests/rideshare
work=$(mktemp -d)
children=()
cleanup() {
  local pid
  for pid in ${children[@]+"${children[@]}"}; do kill -TERM "$pid" 2>/dev/null || true; done
  wait
  rm -rf -- "$work"
}
trap cleanup EXIT
for variable in "${!PYRO@}" "${!RIDESHARE@}" OTEL_SERVICE_NAME REGION; do
  [[ $variable == PYRO_TEST_NO_INSTALL ]] || unset "$variable"
done
may_install=true
if ((EUID != 0)) || [[ ${PYRO_TEST_NO_INSTALL-} == 1 ]]; then may_install=false; fi

status=0
check() {  # WHAT COMMAND...
  local what=$1
  shift
  if "$@"; then
    printf 'ok    %s\n' "$what"
  else
    printf 'FAIL  %s\n' "$what"
    status=1
  fi
}

quietly() { "$@" >/dev/null 2>&1; }

# --- what is written -----------------------------------------------------------------------------------------------------------

python=python3
if ! python3 -c 'import yaml' 2>/dev/null; then
  if [[ ${PYRO_TEST_NO_INSTALL-} != 1 ]]; then bash "$repo/tools/install.sh" python3-yaml || true; fi
  if ! python3 -c 'import yaml' 2>/dev/null; then python=/usr/bin/python3; fi  # the one that Debian's package is for
fi
check "python3 has PyYAML (Debian: python3-yaml)" "$python" -c 'import yaml'
((status == 0)) || exit 1
"$python" -B "$here/check_compose.py" "$repo" "$work" || status=1
if [[ ! -e $work/load-command ]]; then
  echo "FAIL  the files are too wrong to go on"
  exit 1
fi
if docker compose version >/dev/null 2>&1; then
  check "docker compose takes the file" docker compose -f "$repo/examples/rideshare/docker-compose.yml" config --quiet
fi

# --- packages ------------------------------------------------------------------------------------------------------------------

mapfile -t for_build <"$work/packages-build"
mapfile -t for_runtime <"$work/packages-runtime"
if command -v apt-cache >/dev/null; then
  if $may_install && ! quietly apt-cache show libboost-dev; then quietly apt-get update || true; fi
  for package in "${for_build[@]}" "${for_runtime[@]}"; do
    check "Debian has $package" quietly apt-cache show --no-all-versions "$package"
  done
fi
if $may_install; then check "the build's packages are installed" bash "$repo/tools/install.sh" "${for_build[@]}"; fi

# --- the build stage, line by line ---------------------------------------------------------------------------------------------

builds() {
  nice sh "$1" >"$work/build.log" 2>&1 || { tail -n 30 "$work/build.log"; return 1; }
}
for run in "$work"/run-*.sh; do
  check "the Dockerfile's RUN $(sed -n '2s/ .*//p' "$run")" builds "$run"
done
programs=$work/context/pyro/build/examples/rideshare
check "rideshare_server is built" test -x "$programs/rideshare_server"
check "rideshare_load is built" test -x "$programs/rideshare_load"
[[ -x $programs/rideshare_server && -x $programs/rideshare_load ]] || exit 1

# Each library that a program needs is of a package that the image installs, or of those that are in each Debian.
libraries_are_there() {
  local path package
  while read -r path; do
    package=$(dpkg-query -S "$(readlink -f "$path")" 2>/dev/null || dpkg-query -S "$path" 2>/dev/null || true)
    package=${package%%:*}
    if [[ " ${for_runtime[*]} libc6 libgcc-s1 " != *" $package "* ]]; then
      echo "      $path is of package '${package:-none}'"
      return 1
    fi
  done < <(ldd "$1" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p')
}
if command -v dpkg-query >/dev/null; then
  for program in rideshare_server rideshare_load; do
    check "the image has the libraries of $program" libraries_are_there "$programs/$program"
  done
fi

# --- a quick start -------------------------------------------------------------------------------------------------------------

load_has_help() { "$programs/rideshare_load" --help | grep '^usage:' >/dev/null; }
check "rideshare_load --help" load_has_help

# With the compose file's environment, but free ports, no Pyroscope, and passwords that must not show.
secret=hidden-$RANDOM-$RANDOM
regions=(us-east eu-north ap-south)
for region in "${regions[@]}"; do
  mapfile -t environment <"$work/env-$region"
  env -i PATH="$PATH" "${environment[@]}" RIDESHARE_LISTEN_PORT=0 PYROSCOPE_SERVER_ADDRESS=http://127.0.0.1:1 \
    PYROSCOPE_BASIC_AUTH_USER=someone PYROSCOPE_BASIC_AUTH_PASSWORD="$secret" PYRO_LOG_LEVEL=debug \
    "$programs/rideshare_server" >"$work/$region.log" 2>&1 &
  children+=($!)
done
for region in "${regions[@]}"; do
  port=
  for ((tries = 0; tries < 100; ++tries)); do
    port=$(sed -n 's/^listening on http:\/\/0\.0\.0\.0:\([0-9]*\) .*/\1/p' "$work/$region.log")
    if [[ -n $port ]]; then break; fi
    sleep 0.1
  done
  check "$region listens on all addresses of its container" test -n "$port"
  [[ -n $port ]] || { cat "$work/$region.log"; exit 1; }
  sed -i "s|^$region=http://$region:.*|$region=http://127.0.0.1:$port|" "$work/load-command"
done
mapfile -t arguments <"$work/load-command"
loads() { "$programs/rideshare_load" "${arguments[@]}" --seconds 1 >"$work/load.log" 2>&1; }
check "the load generator's command, for a second" loads
sed 's/^/      /' "$work/load.log"
all_answered() {
  awk '$2 ~ /^(bike|scooter|car)$/ { ++rows; wrong += $3 == 0 || $4 != 0 } END { exit rows != 9 || wrong }' "$work/load.log"
}
check "every order was answered" all_answered
# The other way to log in: a token.
RIDESHARE_LISTEN_PORT=0 PYROSCOPE_SERVER_ADDRESS=http://127.0.0.1:1 PYROSCOPE_AUTH_TOKEN=$secret PYRO_WINDOW=100ms \
  PYRO_LOG_LEVEL=debug timeout 2 "$programs/rideshare_server" >"$work/token.log" 2>&1 || true
ends_well() { wait "${children[$1]}" && grep -q '^served bike=[1-9]' "$work/${regions[$1]}.log"; }
for i in "${!regions[@]}"; do
  kill -TERM "${children[i]}"
  check "${regions[i]} ends well" ends_well "$i"
done
children=()
says_none_of() {
  ! grep -h "$@" "$work"/{us-east,eu-north,ap-south,token}.log
}
check "pyro takes all settings" says_none_of -E -e 'is ignored|left out|using the default'
check "no password in what the programs say" says_none_of -F -e "$secret" -e "$(printf %s "someone:$secret" | base64)"
exit "$status"
