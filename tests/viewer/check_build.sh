#!/usr/bin/env bash
# Builds the viewer anew and compares: viewer/dist/template.html and include/pyro/encode/html_template.hpp must be what viewer/src makes.
# Checks the types on the way, and that no lock file names the host a package came from.
#
# usage: check_build.sh
set -euo pipefail

here=$(cd -- "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd -- "$here/../.." && pwd)
bash "$here/install_node_modules.sh" "$repo/viewer"
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

cd -- "$repo/viewer"
npm run --silent check
node build.mjs "$work"
status=0
cmp -- dist/template.html "$work/template.html" || status=1
cmp -- "$repo/include/pyro/encode/html_template.hpp" "$work/html_template.hpp" || status=1
if grep -l '"resolved"' package-lock.json "$here/package-lock.json"; then echo "names a registry: run npm with omit-lockfile-registry-resolved" >&2; status=1; fi
if ((status)); then echo "viewer: run \`npm ci && npm run build\` in viewer/ and commit what it writes" >&2; fi
exit "$status"
