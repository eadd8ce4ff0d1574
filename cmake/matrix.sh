#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# matrix.sh [PRESET...]: configures, builds and tests each preset (default: all of them) and stops at the first failure,
# whose output it shows. The dev preset also compiles each header on its own. After the tests of `release` their stress
# label runs 100 times more.
# release-clang16 is about what compilers do to coroutines: it builds and runs the tests of coro, io and examples only.
# Tests with the label `once`, whose result hardly depends on the preset, run with dev and release only.
# Environment: JOBS (default: the number of CPUs). TESTED: a preset whose tests have just been run, and are not again.
set -euo pipefail
cd "$(dirname "$0")/.."

jobs=${JOBS:-$(nproc)}
presets=("$@")
if [ ${#presets[@]} -eq 0 ]; then
  presets=(dev release boost asan tsan dev-clang release-clang boost-clang asan-clang tsan-clang
    release-clang16)
fi

# quietly LOG COMMAND...: shows what the command printed only if it fails.
quietly() {
  local log=$1
  shift
  "$@" >"$log" 2>&1 || { cat "$log"; echo "matrix.sh: failed: $*"; exit 1; }
}

mkdir -p build
for preset in "${presets[@]}"; do
  echo "== $preset: build"
  quietly "build/$preset-configure.log" cmake --preset "$preset"
  quietly "build/$preset-build.log" cmake --build --preset "$preset" -j "$jobs"
  case $preset in
    dev)
      quietly "build/$preset-headers.log" \
        cmake --build --preset "$preset" -j "$jobs" --target all_verify_interface_header_sets ;;
  esac
  echo "== $preset: test"
  case $preset in
    "${TESTED:-none}") echo "just tested" ;;
    dev | release) ctest --preset "$preset" -j "$jobs" --no-tests=error ;;
    *) ctest --preset "$preset" -j "$jobs" --no-tests=error --label-exclude '^once$' ;;
  esac
  if [ "$preset" = release ]; then
    echo "== $preset: stress, 100 times"
    ctest --preset "$preset" -j "$jobs" --no-tests=error --label-regex '^stress$' --repeat until-fail:100
  fi
done
