#!/usr/bin/env bash
# Compiles each header of include/pyro alone, included twice, with warnings as errors.
#
# usage: check_alone.sh COMPILER STANDARD [DIR]     such as: check_alone.sh g++ c++17; DIR has pyro/, default: this repository's include
set -euo pipefail

compiler=$1
standard=$2
include=$(cd -- "${3:-$(dirname "${BASH_SOURCE[0]}")/../../include}" && pwd)
warnings=(-Wall -Wextra -Wshadow -Wconversion -Wpedantic -Werror)

checked=0
status=0
while IFS= read -r header; do
  case $header in
    pyro/encode/zlib.hpp) needs=zlib.h package=zlib1g-dev ;;
    pyro/export/tls.hpp) needs=openssl/ssl.h package=libssl-dev ;;
    pyro/export/http.hpp | pyro/export/pyroscope.hpp | pyro/export/serve.hpp | pyro/export/serve_s[eo]*.hpp | pyro/export/serve_connection.hpp) needs=boost/beast/version.hpp package=libboost-dev ;;
    pyro/sample/libbacktrace.hpp) needs=backtrace.h package=libgcc-12-dev ;;
    *) needs= ;;
  esac
  if [[ $needs ]] && ! "$compiler" -E -x c++ - <<<"#include <$needs>" >/dev/null 2>&1; then
    echo "$header is left out: there is no <$needs> here (Debian: $package)"
    continue
  fi
  if ! printf '#include <%s>\n' "$header" "$header" | "$compiler" "-std=$standard" "${warnings[@]}" "-I$include" -fsyntax-only -x c++ -; then
    echo "^^^ <$header> does not compile alone: $compiler -std=$standard ${warnings[*]}"
    status=1
  fi
  checked=$((checked + 1))
done < <(cd -- "$include" && find pyro -name '*.hpp' | LC_ALL=C sort)

((checked > 0)) || { echo "check_alone: no headers in $include"; exit 1; }
((status)) || echo "$checked headers compile alone: $compiler -std=$standard"
exit "$status"
