#!/usr/bin/env bash
# Runs the fuzz targets one after another until each has used its CPU time; needs clang
# and libclang-rt-dev.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
Usage: scripts/fuzz.sh [--minutes N] [TARGET…]

Fuzzes every target (or those named, such as fuzz_jsonl) for N minutes of CPU time each (default:
30), under AddressSanitizer and UndefinedBehaviorSanitizer. The corpus of a target stays in
build/fuzz/corpus and its CPU time in build/fuzz/cpu, so that an interrupted run can be resumed.
Inputs that crash, leak, or take over two minutes or 2 GB are saved in build/fuzz/found. After the
fix, add them to tests/fuzz/seeds, where every build replays them.
TEXT
}

minutes=30
targets=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --minutes) minutes=$2 && shift ;;
    -h | --help) usage && exit 0 ;;
    fuzz_*) targets+=("$1") ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done
if [[ ${#targets[@]} == 0 ]]; then
  for source in tests/fuzz/fuzz_*.cpp; do targets+=("$(basename "$source" .cpp)"); done
fi

# Without its run-time library, clang compiles for an hour and then cannot link.
if ! clang++ -x c++ -fsanitize=fuzzer,address,undefined -o /dev/null - 2>/dev/null <<'CODE'; then
extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }
CODE
  echo "clang with libFuzzer is needed: apt-get install clang libclang-rt-dev" >&2
  exit 1
fi

cmake -S . -B build/fuzz -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DCMAKE_CXX_COMPILER=clang++ -DEMBEDTOOL_FUZZ=ON -DEMBEDTOOL_SANITIZE=address,undefined >/dev/null
cmake --build build/fuzz --target "${targets[@]}"
mkdir -p build/fuzz/{corpus,cpu,found}

# spent TARGET: seconds of CPU time so far.
spent() { cat "build/fuzz/cpu/$1" 2>/dev/null || echo 0; }

# Whether the code that the target calls is instrumented: without that, inputs change at random.
sees_code() {
  local counters
  counters=$(sed -n 's/.*(\([0-9]*\) inline 8-bit counters).*/\1/p' "build/fuzz/$1.log" | head -n 1)
  [[ ${counters:-0} -ge 2000 ]]
}

TIMEFORMAT='%U %S'
for target in "${targets[@]}"; do
  mkdir -p "build/fuzz/corpus/$target"
  while awk "BEGIN {exit !($(spent "$target") < $minutes * 60)}"; do
    code=0
    used=$({ time "build/fuzz/tests/$target" -max_total_time=120 -timeout=120 -rss_limit_mb=2048 \
      -max_len=65536 -artifact_prefix="build/fuzz/found/$target-" "build/fuzz/corpus/$target" \
      "tests/fuzz/seeds/${target#fuzz_}" >"build/fuzz/$target.log" 2>&1 || exit $?; } 2>&1) || code=$?
    if ! sees_code "$target"; then
      echo "$target was built without instrumentation; remove build/fuzz" >&2
      exit 1
    fi
    if [[ $code != 0 ]]; then
      tail -n 30 "build/fuzz/$target.log" >&2
      exit 1
    fi
    awk -v spent="$(spent "$target")" '{print spent + $1 + $2}' <<<"$used" >"build/fuzz/cpu/$target.new"
    mv "build/fuzz/cpu/$target"{.new,}
    printf '%s: %s CPU seconds\n' "$target" "$(spent "$target")"
  done
done
