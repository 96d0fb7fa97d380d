#!/usr/bin/env bash
# Runs every benchmark and keeps what they print: bench/run.sh [RESULTS-DIRECTORY]
# Builds build/release with the benchmarks. For figures worth keeping the machine must be quiet.
# bench/peers.py, which needs the peers' packages, is run by itself.
set -euo pipefail
cd "$(dirname "$0")/.."

results=${1:-bench/results/$(date +%Y-%m-%d)-$(hostname)}
work=${EMBEDTOOL_BENCH_WORK:-build/bench-work}
scripts/setup.sh --bench
cmake --preset release -DEMBEDTOOL_BENCH=ON
cmake --build build/release --parallel
mkdir -p "$results"

{
  lscpu
  uptime
  build/release/embedtool --version
} >"$results/machine.txt"
for bench in gemm kernels batch tokenize shard; do
  printf '%s\n' "micro_$bench" >&2
  "build/release/bench/micro_$bench" --benchmark_repetitions=5 \
    --benchmark_report_aggregates_only=true --benchmark_out_format=json \
    --benchmark_out="$results/micro_$bench.json" >"$results/micro_$bench.txt"
done
python3 bench/e2e.py build/release "$work" --output "$results/e2e.json" | tee "$results/e2e.md"
python3 bench/proofs.py build/release "$work" --output "$results/proofs.json" |
  tee "$results/proofs.txt"
python3 bench/nights.py build/release "$work" --texts 50000 --output "$results/nights.json" |
  tee "$results/nights.txt"
