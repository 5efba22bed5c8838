#!/usr/bin/env bash
# Measures the viewer against its gates, in Chromium, on generated profiles; median of 5. Exits with 1 where a gate is missed.
#
# usage: bash viewer/benchmark.sh
set -euo pipefail

repo=$(cd -- "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$repo/tools/install.sh" chromium
bash "$repo/tests/viewer/install_node_modules.sh" "$repo/viewer" "$repo/tests/viewer"
exec node "$repo/tests/viewer/benchmark.mjs"
