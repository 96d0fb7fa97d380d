#!/usr/bin/env bash
# Builds and runs every test; ends with ctest's summary. Tests that cannot run here (because a tool or
# a data folder is missing) are listed as skipped, never omitted silently.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
Usage: scripts/test.sh [--quick] [--asan | --tsan | --debug] [-- CTEST-ARGUMENTS…]

  --quick   only unit tests and house rules (under a minute once built)
  --asan    build with AddressSanitizer and UndefinedBehaviorSanitizer
  --tsan    build with ThreadSanitizer
  --debug   build without optimisation (but of the arithmetic), with assertions

Arguments after `--` go to ctest: scripts/test.sh -- -R cli
TEXT
}

preset=release
ctest_arguments=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --quick) ctest_arguments+=(-L 'unit|house') ;;
    --asan) preset=asan ;;
    --tsan) preset=tsan ;;
    --debug) preset=debug ;;
    -h | --help) usage && exit 0 ;;
    --) shift && ctest_arguments+=("$@") && break ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done

scripts/setup.sh --tests
scripts/build.sh "$preset"

# Sanitizer reports go to stderr and fail the test; leaks count as failures.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-"halt_on_error=1:suppressions='$PWD/tests/tsan.supp'"}
# One more than there are CPUs: many cases wait, for a signal to arrive or a package to be fetched.
ctest --preset "$preset" --parallel "${EMBEDTOOL_JOBS:-$(($(nproc) + 1))}" "${ctest_arguments[@]}"
