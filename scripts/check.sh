#!/usr/bin/env bash
# Test tiers beyond scripts/test.sh, which every change must pass.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
Usage: scripts/check.sh short | medium | long

  short    unit tests and house rules (under a minute once built)
  medium   every source checked with clang, then every test under AddressSanitizer and
           UndefinedBehaviorSanitizer, then under ThreadSanitizer
  long     medium, then with the release build: 240 kills at random moments, every kind of fault
           at every system call, full disks of every size, a soak test of 30 minutes, a million
           files; Spark and the engines of recipes/; models with their real weights (gigabytes of
           packages); then scripts/try_cpus.sh: old x86-64 CPUs, emulated; scripts/try_arm64.sh: a
           cross build for arm64 and its tests under emulation; scripts/try_package.sh: the tarball in
           bare Debian and Ubuntu systems; scripts/try_distros.sh: the README's two commands in bare
           Debian 12 and 13 systems (each skipped where it cannot run)

For fuzzing, see scripts/fuzz.sh.
TEXT
}

medium() {
  scripts/check_clang.sh --all || [[ $? -eq 77 ]]
  scripts/test.sh --asan
  scripts/test.sh --tsan
}

case ${1:-} in
  short) scripts/test.sh --quick ;;
  medium) medium ;;
  long)
    medium
    EMBEDTOOL_TEST_KILLS=240 EMBEDTOOL_TEST_EDITS=500 EMBEDTOOL_TEST_FAULTS=all EMBEDTOOL_TEST_DISKS=all \
      EMBEDTOOL_TEST_SOAK=1800 EMBEDTOOL_TEST_FILES=1000000 \
      scripts/test.sh -- -R 'cli.(kills|faults|resources|soak|many_files|reuse|nightly|pull)|interop.nightly' --timeout 7200
    EMBEDTOOL_TEST_ENGINES=1 EMBEDTOOL_TEST_REAL=1 EMBEDTOOL_TEST_PYLATE=1 \
      scripts/test.sh -- -R 'interop.(readers|recipes|real|pylate)' --timeout 7200
    for try in try_cpus try_arm64 try_package try_distros; do
      "scripts/$try.sh" || [[ $? -eq 77 ]]
    done
    ;;
  -h | --help) usage ;;
  *) usage >&2 && exit 2 ;;
esac
