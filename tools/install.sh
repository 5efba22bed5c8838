#!/usr/bin/env bash
# Installs the Debian packages that are not there yet, as root or through `sudo -n`. Never asks: where it may not install, it prints the command
# that would do it and exits with 2. Where nothing is missing it touches nothing.
#
# usage: tools/install.sh PACKAGE...
set -euo pipefail

missing=()
for package in "$@"; do
  [[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == "install ok installed" ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

apt=(apt-get -o DPkg::Lock::Timeout=120)
refuse() {
  printf '%s\nInstall them and try again:\n  sudo apt-get update && sudo apt-get install -y --no-install-recommends %s\n' "$1" "${missing[*]}" >&2
  exit 2
}
as_root=()
if ((EUID != 0)); then as_root=(sudo -n); fi
if ! command -v apt-get >/dev/null || ! ${as_root[@]+"${as_root[@]}"} true 2>/dev/null; then
  refuse "These Debian packages are missing: ${missing[*]}."
fi

echo "installing ${missing[*]} ..."
log=$(mktemp)
trap 'rm -f -- "$log"' EXIT
# A stale package list is the common reason to fail; an update that fails is not, where the list is good enough.
if ! ${as_root[@]+"${as_root[@]}"} "${apt[@]}" update -qq >"$log" 2>&1; then cat -- "$log" >&2; fi
if ! ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive "${apt[@]}" install -y -qq --no-install-recommends "${missing[@]}" \
  >"$log" 2>&1 </dev/null; then
  cat -- "$log" >&2
  refuse "These Debian packages could not be installed: ${missing[*]}."
fi
