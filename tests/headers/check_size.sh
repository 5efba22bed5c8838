#!/usr/bin/env bash
# pyro.hpp stays light (lines after preprocessing, in every standard) and headers stay short.
#
# usage: check_size.sh COMPILER [DIR]     DIR has pyro/, default: this repository's include
set -euo pipefail

compiler=$1
include=$(cd -- "${2:-$(dirname "${BASH_SOURCE[0]}")/../../include}" && pwd)
most_preprocessed=1500
most_lines=450

status=0
for standard in c++17 c++20 c++2b; do
  for define in '' -DPYRO_DISABLE; do
    text=$(printf '#include <pyro/pyro.hpp>\n' | "$compiler" "-std=$standard" ${define:+"$define"} "-I$include" -E -P -x c++ -)
    lines=$(wc -l <<<"$text")
    echo "pyro.hpp, -std=$standard $define: $lines preprocessed lines of at most $most_preprocessed"
    if ((lines > most_preprocessed)); then echo '^^^ too many'; status=1; fi
    if ((lines < 100)); then echo '^^^ that cannot be all of it'; status=1; fi
  done
done

while read -r lines header; do
  if ((lines > most_lines)); then
    echo "$header: $lines lines; a header has at most $most_lines: one idea a file"
    status=1
  fi
done < <(cd -- "$include" && find pyro -name '*.hpp' -exec wc -l {} + | grep -v ' total$')
exit "$status"
