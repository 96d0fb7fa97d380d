#!/usr/bin/env bash
# The report: every field of the schema, and figures that agree with each other and with the OS.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

corpus 3000 >in.jsonl
start=$(date +%s%N)
encode out in.jsonl --report copy.json --threads 2
wall_ms=$((($(date +%s%N) - start) / 1000000))
has stderr "texts/s"
same out/report.json copy.json "--report is the report"

for field in tokenization_ms tensor_conversion_ms model_inference_ms pooling_ms normalization_ms \
  total_ms tokens_per_second memory_peak_mb cpu_utilization_percent gpu_utilization_percent; do
  check_json copy.json "'$field' in d"
done
check_json copy.json 'd["gpu_utilization_percent"] is None'
check_json copy.json "0 < d['total_ms'] <= $wall_ms"
check_json copy.json 'd["counts"]["texts"] == d["counts"]["rows"] == 3000'
check_json copy.json 'd["counts"]["rejected"] == 0 and d["interrupted"] == False'
check_json copy.json 'd["counts"]["duplicates"] > 0'
check_json copy.json 'd["texts_per_second"] > 0 and d["tokens_per_second"] > 0'

# Stages: measured on every thread; together they are the process's CPU time.
check_json copy.json 'abs(sum(s["cpu_ms"] for s in d["stages"].values()) - d["cpu_ms"]) <= 0.05 * d["cpu_ms"]'
check_json copy.json 'all(s["cpu_ms"] >= 0 and s["wall_ms"] >= 0 and s["p50_ms"] <= s["p90_ms"] <= s["p99_ms"] for s in d["stages"].values())'
check_json copy.json 'all(k in d["stages"] for k in ("read", "tokenize", "lookup", "gemm", "attention", "elementwise", "pool", "normalize", "write"))'
# Padding: sorting helps, ragged batches compute none.
check_json copy.json 'd["padding"]["arrival_percent"] >= d["padding"]["sorted_percent"] >= d["padding"]["actual_percent"]'
check_json copy.json 'd["bytes"]["in"] > 0 and d["bytes"]["out"] > 0'
check_json copy.json 'all(d["compute"][k] for k in ("backend", "kernels", "isa", "workers", "cpus"))'

# Quiet means quiet; the report stays.
encode quiet in.jsonl -q
equal "$(cat stderr)" "" "standard error under -q"
[[ -s quiet/report.json ]] || fail "no report under -q"

# Peak memory is what the OS says of the process; a sanitizer's own is not all the program's.
if ! sanitized; then python3 - "$BIN" "$MODEL" <<'PY' || fail "memory_peak_mb is not what getrusage says"
import json, resource, subprocess, sys
subprocess.run([sys.argv[1], 'encode', '-q', '-m', sys.argv[2], '-o', 'rss', 'in.jsonl'], check=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
mine = json.load(open('rss/report.json'))['memory_peak_mb']
# The report is written before the process ends: a little may still be added.
assert 0.9 * peak <= mine <= 1.001 * peak, (mine, peak)
PY
fi
