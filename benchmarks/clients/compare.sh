#!/usr/bin/env bash
# The same rideshare under pyro and under Pyroscope's Python client (pyroscope-io of PyPI), beside each other: series, labels, bytes, and what
# happens when the server is down, hangs, restarts. Takes about four minutes; prints the table of docs/pyroscope.md.
set -euo pipefail

here=$(cd -- "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd -- "$here/../.." && pwd)
build=$repo/build/clients
mkdir -p -- "$build"
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

has_header() { command -v g++ >/dev/null && g++ -E -x c++ - <<<"#include <$1>" >/dev/null 2>&1; }
packages=()
command -v g++ >/dev/null || packages+=(g++)
has_header boost/beast/version.hpp || packages+=(libboost-dev)
has_header zlib.h || packages+=(zlib1g-dev)
python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3-venv ca-certificates)
if ((${#packages[@]})); then bash "$repo/tools/install.sh" "${packages[@]}"; fi
command -v go >/dev/null || { echo 'compare.sh: needs Go 1.25 or newer; bash tests/run.sh brings one to build/tests/go/bin' >&2; exit 2; }

go -C "$repo/tests/pyroscope" build -o "$build/" ./sink
g++ -std=c++17 -O2 -g1 "-I$repo/include" "$here/rideshare.cpp" -o "$build/rideshare" -pthread -lz
if [[ ! -e $build/python/bin/python ]]; then python3 -m venv "$build/python"; fi
"$build/python/bin/pip" install --quiet 'pyroscope-io==1.4.0'
python3 "$here/compare.py" "$build/sink" "$build/rideshare" "$build/python/bin/python" "$work"
