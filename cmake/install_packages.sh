#!/bin/sh
# SPDX-License-Identifier: MIT
# install_packages.sh SECTION...: installs the Debian packages of each section (demo, bench, test) that are missing.
# This is the list of what the project needs; nothing is fetched or changed if all of it is there.
set -eu

demo="g++ cmake ninja-build pkg-config libjemalloc-dev libboost1.81-dev python3 curl wrk"
bench="libboost-context1.81-dev libboost-fiber1.81-dev golang-go librust-tokio-dev cargo rustc liburing-dev nginx-light
  strace python3-matplotlib"
test="g++ cmake ninja-build pkg-config catch2 libjemalloc-dev libboost1.81-dev libboost-context1.81-dev python3 curl
  strace valgrind clang libclang-rt-14-dev clang-format-14 clang-16"

missing=
for section in "$@"; do
  case $section in
    demo) packages=$demo ;;
    bench) packages=$bench ;;
    test) packages=$test ;;
    *) echo "install_packages.sh: no section '$section'" >&2; exit 2 ;;
  esac
  for package in $packages; do
    case " $missing " in *" $package "*) continue ;; esac
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
  done
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "Not a Debian system: the build needs what Debian calls$missing. Going on with what there is." >&2
  exit 0
fi
if [ "$(id -u)" = 0 ]; then
  as_root=
elif command -v sudo >/dev/null; then
  as_root=sudo
else
  echo "Packages are missing, and neither root nor sudo is at hand. As root: apt-get install$missing" >&2
  exit 1
fi
echo "Installing$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086 # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
case " $missing " in
  *" nginx-light "*)
    # Wanted as a program; as a service it would take port 80 from now on.
    if [ -d /run/systemd/system ]; then $as_root systemctl disable --now nginx; fi ;;
esac
