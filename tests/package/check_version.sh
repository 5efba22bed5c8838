#!/usr/bin/env bash
# The version stands in one header; its parts, the changelog and the build systems agree with it.
set -euo pipefail
cd -- "$(dirname "${BASH_SOURCE[0]}")/../.."

header=include/pyro/core/abi.hpp
define() { sed -n "s/^#define PYRO_VERSION$1 \"\{0,1\}\([0-9.]*\)\"\{0,1\}\$/\1/p" "$header"; }
version=$(define '')
parts=$(define _MAJOR).$(define _MINOR).$(define _PATCH)

status=0
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || { echo "$header has no PYRO_VERSION \"x.y.z\""; exit 1; }
[[ $parts == "$version" ]] || { echo "$header: PYRO_VERSION is $version, its parts say $parts"; status=1; }
latest=$(sed -n 's/^## \[\([0-9.]*\)\].*/\1/p' CHANGELOG.md | head -n 1)
[[ $latest == "$version" ]] || { echo "CHANGELOG.md: the latest version is ${latest:-missing}, not $version"; status=1; }
for file in CMakeLists.txt meson.build; do
  if ! grep -q 'core/abi\.hpp' "$file" || grep -Fq -- "$version" "$file"; then
    echo "$file must take the version from $header, and not repeat it"
    status=1
  fi
done
((status)) || echo "version $version everywhere"
exit "$status"
