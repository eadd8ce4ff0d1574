#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# matrix.sh [PRESET...]: configures, builds and tests each preset (default: all of them) and stops at the first failure,
# whose output it shows. The dev presets also compile each header on its own. After the tests of `release` their stress
# label runs 100 times more.
# A boost preset differs from the release preset of its compiler in the library's switch alone. It is configured in
# that one's directory, if it is there, so that the tests need not be compiled again but only linked. From then on that
# directory is a boost build, until `cmake --preset release` is called again.
# release-clang16 is about what compilers do to coroutines: it builds and runs the tests of coro, io and examples only.
# Tests with the label `once`, whose result hardly depends on the preset, run with dev and release only.
# Environment: JOBS (default: the number of CPUs). TESTED: a preset whose tests have just been run, and are not again.
set -euo pipefail
cd "$(dirname "$0")/.."

jobs=${JOBS:-$(nproc)}
tests_at_once=$((jobs + 1)) # some of them mostly wait
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

# build_preset PRESET: in its own directory.
build_preset() {
  echo "== $1: build"
  quietly "build/$1-configure.log" cmake --preset "$1"
  quietly "build/$1-build.log" cmake --build --preset "$1" -j "$jobs"
}

# test_boost PRESET DIRECTORY: builds and tests it where the release preset has been built.
test_boost() {
  echo "== $1: build, in $2"
  quietly "build/$1-configure.log" cmake --preset "$1" -B "$2"
  quietly "build/$1-build.log" cmake --build "$2" -j "$jobs"
  echo "== $1: test"
  ctest --test-dir "$2" --output-on-failure -j "$tests_at_once" --no-tests=error --label-exclude '^once$'
}

mkdir -p build
for preset in "${presets[@]}"; do
  sibling=build/${preset/boost/release}
  if [[ $preset == boost* && -f $sibling/CMakeCache.txt ]]; then
    test_boost "$preset" "$sibling"
    continue
  fi
  build_preset "$preset"
  case $preset in
    dev | dev-clang)
      quietly "build/$preset-headers.log" \
        cmake --build --preset "$preset" -j "$jobs" --target all_verify_interface_header_sets ;;
  esac
  echo "== $preset: test"
  case $preset in
    "${TESTED:-none}") echo "just tested" ;;
    dev | release) ctest --preset "$preset" -j "$tests_at_once" --no-tests=error ;;
    *) ctest --preset "$preset" -j "$tests_at_once" --no-tests=error --label-exclude '^once$' ;;
  esac
  if [ "$preset" = release ]; then
    echo "== $preset: stress, 100 times"
    ctest --preset "$preset" -j "$jobs" --no-tests=error --label-regex '^stress$' --repeat until-fail:100
  fi
done
