#!/usr/bin/env bash
# --batch-size auto and --optimize change speed and memory, never a vector of the same precision.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

corpus 3000 >in.jsonl
encode plain in.jsonl
vectors plain >plain.jsonl

# Many windows, so that the tuner has something to try.
encode auto in.jsonl --batch-size auto --window 50
vectors auto >auto.jsonl
same plain.jsonl auto.jsonl "auto changed a vector"
check_json auto/report.json 'd["settings"]["batch_size"] == "auto"'
check_json auto/report.json '8 <= d["batching"]["texts"] <= 128'
check_json auto/report.json 'len(d["batching"]["tuner"]) > 0'
check_json plain/report.json 'd["batching"]["tuner"] == [] and d["batching"]["texts"] == 64'

for preset in throughput latency; do
  encode "$preset" in.jsonl --optimize "$preset"
  vectors "$preset" >"$preset.jsonl"
  same plain.jsonl "$preset.jsonl" "--optimize $preset changed a vector"
done
check_json latency/report.json 'd["settings"]["window"] == "64" and d["settings"]["batch_size"] == "16"'
encode memory in.jsonl --optimize memory --compute f32 --gemm native
encode native in.jsonl --gemm native
vectors memory >memory.jsonl
vectors native >native.jsonl
same native.jsonl memory.jsonl "--optimize memory changed a vector in f32"
check_json memory/report.json "d['memory']['workspace'] + d['memory']['windows'] < $(json native/report.json 'd["memory"]["workspace"] + d["memory"]["windows"]')"
# What is given wins.
encode mixed in.jsonl --optimize latency --window 500
check_json mixed/report.json 'd["settings"]["window"] == "500" and d["settings"]["batch_tokens"] == "2048"'

run 2 encode -m "$MODEL" -o none in.jsonl --batch-size some
has stderr "--batch-size"
run 2 encode -m "$MODEL" -o none in.jsonl --batch-size 0
run 2 encode -m "$MODEL" -o none in.jsonl --optimize speed
