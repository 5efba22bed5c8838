#!/usr/bin/env bash
# Compiles each header of include/pyro alone, included twice, with warnings as errors; or all of them in one file, where another standard has
# shown that each stands alone: what compiles under the one and not under the other does so in company too.
#
# usage: check_alone.sh COMPILER STANDARD alone|together [DIR]     such as: check_alone.sh g++ c++17 alone; DIR has pyro/, default: this
#                                                                  repository's include
set -euo pipefail

compiler=$1
standard=$2
how=$3
include=$(cd -- "${4:-$(dirname "${BASH_SOURCE[0]}")/../../include}" && pwd)
warnings=(-Wall -Wextra -Wshadow -Wconversion -Wpedantic -Werror)

compile=("$compiler" "-std=$standard" "${warnings[@]}" "-I$include" -fsyntax-only -x c++ -)
together=
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
  if [[ $how == together ]]; then
    together+="#include <$header>"$'\n'
  elif ! printf '#include <%s>\n' "$header" "$header" | "${compile[@]}"; then
    echo "^^^ <$header> does not compile alone: ${compile[*]}"
    status=1
  fi
  checked=$((checked + 1))
done < <(cd -- "$include" && find pyro -name '*.hpp' | LC_ALL=C sort)

if [[ $together ]]; then "${compile[@]}" <<<"$together" || status=1; fi
((checked > 0)) || { echo "check_alone: no headers in $include"; exit 1; }
((status)) || echo "$checked headers compile $how: $compiler -std=$standard"
exit "$status"
