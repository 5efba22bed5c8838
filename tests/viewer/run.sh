#!/usr/bin/env bash
# Tests the viewer of HTML reports: its build, its data code against brute force, and the page in Chromium and Firefox. Installs what is
# missing (npm packages into the folders here, Debian's chromium and firefox-esr). Prints `ok ...` or `FAIL ...` a test; its last line is `N passed, N failed`; it exits
# with 0 where nothing failed.
#
# usage: bash tests/viewer/run.sh [PAGE...]    PAGE: reports written by the library, tested as well (their sums, views, requests, complaints)
set -euo pipefail

here=$(cd -- "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd -- "$here/../.." && pwd)
pages=()
for page in "$@"; do
  [[ -r $page ]] || { printf 'run.sh: there is no page %s\n' "$page" >&2; exit 2; }
  pages+=("$(realpath -- "$page")")
done

if ! command -v node >/dev/null || (($(node -p 'process.versions.node.split(".")[0]') < 20)); then
  echo "run.sh: the viewer's tests need Node.js 20 or newer (building and using pyro does not)" >&2
  exit 2
fi
bash "$repo/tools/install.sh" chromium
bash "$repo/tools/install.sh" firefox-esr || echo "without Firefox its tests are skipped"
bash "$here/install_node_modules.sh" "$repo/viewer" "$here"

status=0
log=$(mktemp)
trap 'rm -f -- "$log"' EXIT
bash "$here/check_build.sh" >"$log" 2>&1 && built=ok || built=FAIL
printf '%s build: the committed template and header are what the sources make\n' "$built"
if [[ $built != ok ]]; then sed 's/^/    /' "$log"; fi

export PYRO_PAGES
PYRO_PAGES=$(printf '%s\n' ${pages[@]+"${pages[@]}"})
cd -- "$here"
node --test-reporter=./reporter.mjs all.test.mjs | tee "$log" | sed '$d' || status=1
read -r passed _ failed _ < <(tail -n 1 "$log" | tr -d ,) || true
[[ ${passed:-} =~ ^[0-9]+$ && ${failed:-} =~ ^[0-9]+$ ]] || { tail -n 1 "$log"; passed=0 failed=1; } # the tests did not come to their end
if [[ $built == ok ]]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0 && status == 0))
