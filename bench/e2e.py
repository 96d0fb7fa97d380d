#!/usr/bin/env python3
"""From token ids to shards, against the limit of the machine, everything in one run.

usage: bench/e2e.py BUILD WORK [--rounds N] [--models minilm,base] [--workloads …] [--output FILE]

BUILD is a build directory with -DEMBEDTOOL_BENCH=ON; WORK takes models and workloads, which are
made where they are missing: seeded random weights in the shapes of MiniLM-L6 and BERT-base, and
token ids
  uniform      256 texts of 128 tokens (64 for BERT-base)
  mixed        1024 texts (256), lengths log-normal: median 40, 95 % below 256, at most 512
  bench_mixed  1024 texts (192) of the development corpus of that name, cut at 512 tokens, where it is
               beside the checkout

Every round measures, in turn, `limit` (peaks, and encoding from ids in memory to vectors) and the
whole program from the JSONL file to published shards. Prints medians over the rounds:
  of limit   limit time / encoding time; the limit is in bench/limit.cpp
  program    tokens/s of the whole process, and that as a share of encoding in memory
"""

import argparse
import json
import math
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("EMBEDTOOL_SHARED", ROOT.parent / "shared"))
PRECISIONS = ("f32", "bf16", "int8")
VOCABULARY = 30522


def machine():
    """What the figures were measured on."""
    model = "?"
    flags = set()
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                model = value.strip()
            if name.strip() == "flags":
                flags = set(value.split())
    wanted = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
    return {
        "cpu": model,
        "cpus": len(os.sched_getaffinity(0)),
        "instructions": [flag for flag in wanted if flag in flags],
        "system": platform.platform(),
        "load_before": os.getloadavg()[0],
    }


def make_model(work, preset):
    folder = work / preset
    if folder.is_dir():
        return folder
    command = [sys.executable, ROOT / "tests/golden/makers/make_model.py", folder, "--preset", preset]
    tokenizer = SHARED / "data/tokenizers/all-MiniLM-L6-v2"
    if tokenizer.is_dir():
        command += ["--tokenizer", tokenizer]
    subprocess.run(command, check=True)
    return folder


def write_ids(path, lengths, seed):
    generator = random.Random(seed)
    with open(path, "w", encoding="utf-8") as out:
        for i, length in enumerate(lengths):
            ids = [generator.randrange(1000, VOCABULARY) for _ in range(length)]
            out.write(json.dumps({"id": str(i), "input_ids": ids}) + "\n")


def make_workload(work, build, name, preset):
    """A JSONL file of token ids; None where it cannot be had."""
    path = work / f"{preset}_{name}.jsonl"
    if path.exists():
        return path
    generator = random.Random(7)
    small = preset == "minilm"
    if name == "uniform":
        write_ids(path, [128] * (256 if small else 64), 1)
    elif name == "mixed":
        # ln 40, and a spread that puts the 95th percentile at 256
        sigma = math.log(256 / 40) / 1.645
        lengths = [
            min(512, max(3, round(generator.lognormvariate(math.log(40), sigma))))
            for _ in range(1024 if small else 256)
        ]
        write_ids(path, lengths, 2)
    elif name == "bench_mixed":
        corpus = SHARED / "data/corpora/bench_mixed.jsonl.zst"
        tokenizer = SHARED / "data/tokenizers/all-MiniLM-L6-v2"
        if not corpus.exists():
            return None
        command = [build / "embedtool", "tokenize", corpus, "-m", tokenizer, "--max-length", "512"]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        kept = lines.splitlines()
        generator.shuffle(kept)
        with open(path, "w", encoding="utf-8") as out:
            for line in kept[: 1024 if small else 192]:
                record = json.loads(line)
                record = {"id": record["id"], "input_ids": record["input_ids"]}
                out.write(json.dumps(record) + "\n")
    else:
        sys.exit(f"unknown workload {name}")
    return path


def run_limit(build, model, ids):
    command = [build / "bench/limit", model, ids, "1"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {row["compute"]: row for row in map(json.loads, lines.splitlines())}


def run_program(build, work, model, ids, precision):
    """Seconds of the whole process, and its report."""
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    command = [build / "embedtool", "encode", ids, "-m", model, "-o", out, "-q"]
    command += ["--max-length", "512"]  # `limit` cuts nothing
    begin = time.monotonic()
    subprocess.run(command + ["--compute", precision], check=True)
    seconds = time.monotonic() - begin
    with open(out / "report.json", encoding="utf-8") as report:
        return seconds, json.load(report)


def measure(build, work, model, ids, rounds):
    rows = []
    for _ in range(rounds):
        in_memory = run_limit(build, model, ids)
        for precision in PRECISIONS:
            if precision not in in_memory:
                continue
            row = dict(in_memory[precision])
            row["program_seconds"], report = run_program(build, work, model, ids, precision)
            row["program_tokens_per_s"] = report["counts"]["tokens"] / row["program_seconds"]
            row["memory_peak_mb"] = report["memory_peak_mb"]
            rows.append(row)
    return rows


def summary(rows, precision):
    chosen = [row for row in rows if row["compute"] == precision]
    if not chosen:
        return None

    def median(key):
        return statistics.median(row[key] for row in chosen)

    return {
        "precision": precision,
        "peak": median("gemm_peak") / 1e9,
        "tokens_per_s": median("tokens_per_s"),
        "of_limit": median("of_limit"),
        "cpu": median("cpu_utilization"),
        "program": median("program_tokens_per_s"),
        "program_share": statistics.median(
            row["program_tokens_per_s"] / row["tokens_per_s"] for row in chosen
        ),
        "memory": median("memory_peak_mb"),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--models", default="minilm,base")
    parser.add_argument("--workloads", default="uniform,mixed,bench_mixed")
    parser.add_argument("--output", type=Path, help="raw figures, JSON")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    results = {"machine": machine(), "rounds": options.rounds, "runs": []}
    print("| model | workload | precision | GEMM peak GFLOP/s | tokens/s | of limit | CPU "
          "| program tokens/s | of in-memory | peak MB |")
    print("|---|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for preset in options.models.split(","):
        model = make_model(options.work, preset)
        for workload in options.workloads.split(","):
            ids = make_workload(options.work, options.build, workload, preset)
            if ids is None:
                print(f"skipped {workload}: its corpus is not there", file=sys.stderr)
                continue
            rows = measure(options.build, options.work, model, ids, options.rounds)
            results["runs"].append({"model": preset, "workload": workload, "rows": rows})
            for precision in PRECISIONS:
                s = summary(rows, precision)
                if s is None:
                    continue
                print(f"| {preset} | {workload} | {precision} | {s['peak']:.0f} "
                      f"| {s['tokens_per_s']:.0f} | {s['of_limit']:.1%} | {s['cpu']:.1%} "
                      f"| {s['program']:.0f} | {s['program_share']:.1%} | {s['memory']:.0f} |",
                      flush=True)
    if options.output:
        options.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
