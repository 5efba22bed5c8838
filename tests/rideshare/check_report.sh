#!/usr/bin/env bash
# The report of a rideshare run in Chromium, as a user goes through it: largest order, regions, timeline, a calm and a busy period, comparison, diff.
# What it says must be what `go tool pprof` and `pyro top` have in the same files, to the nanosecond where the page exports its selection.
# Lines are `ok ...` or `FAIL ...`.
#
# usage: check_report.sh [--pictures FOLDER] DIR
#   DIR                what examples/rideshare/run.sh wrote (with its 5 s windows and 15 s periods): report.html and *.pb.gz
#   --pictures FOLDER  keeps what was seen, 1280 pixels wide; those in docs/ are made by it
set -euo pipefail

here=$(cd -- "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd -- "$here/../.." && pwd)
pictures=
if [[ ${1-} == --pictures ]]; then
  pictures=$2
  shift 2
  mkdir -p -- "$pictures"
  pictures=$(cd -- "$pictures" && pwd)
fi
run=${1:?usage: check_report.sh [--pictures FOLDER] DIR}
run=$(cd -- "$run" && pwd)
[[ -r $run/report.html ]] || { echo "FAIL  there is no $run/report.html"; exit 1; }
command=${PYRO_COMMAND-$repo/build/rideshare/command/pyro}  # built by run.sh
[[ -x $command ]] || { echo "FAIL  there is no command $command"; exit 1; }

if ! command -v node >/dev/null || (($(node -p 'process.versions.node.split(".")[0]') < 20)); then
  echo "FAIL  the walk through the report needs Node.js 20 or newer"
  exit 1
fi
[[ -x ${CHROMIUM-/usr/bin/chromium} ]] || bash "$repo/tools/install.sh" chromium
bash "$repo/tests/viewer/install_node_modules.sh" "$repo/tests/viewer"
status=0
node "$repo/tests/viewer/rideshare.mjs" "$run" "$command" ${pictures:+"$pictures"} || status=1
# Some 200 kB each as they come; the repository gets them smaller.
if [[ $pictures ]]; then
  bash "$repo/tools/install.sh" pngquant
  for picture in "$pictures"/report-*.png; do pngquant --force --skip-if-larger --quality 80-100 --output "$picture" -- "$picture" || true; done
fi
exit "$status"
