#!/usr/bin/env python3
"""Compares what `encode --dry-run` says with what the run then comes to.

usage: bench/dry_run.py BINARY WORK CORPUS... [--models builtin,DIR] [--rounds N] [--output FILE]

Each round makes a plan and then a run, for every corpus and model; the output goes to WORK and is
removed. Shown are the medians over the rounds: tokens and records as the plan says them against those
of the run, and the plan's seconds against the run's. On a machine with other work the seconds of one
round may differ by any amount; the medians are what to look at.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import time
from pathlib import Path


def plan_of(binary, corpus, model, out):
    """The plan, and the seconds that it took."""
    command = [binary, "encode", corpus, "-m", model, "-o", out, "--dry-run", "--log-format", "json"]
    begin = time.monotonic()
    plan = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return plan, time.monotonic() - begin


def run_of(binary, corpus, model, out):
    """Records, tokens of all rows, seconds and bytes of a run."""
    begin = time.monotonic()
    subprocess.run([binary, "encode", corpus, "-m", model, "-o", out, "-q"], check=True)
    seconds = time.monotonic() - begin
    counts = json.loads((out / "report.json").read_text())["counts"]
    size = sum(file.stat().st_size for file in (out / "data").iterdir())
    shutil.rmtree(out)
    return {"records": counts["texts"], "tokens": counts["tokens"],
            "duplicates": counts["duplicates"], "seconds": seconds, "bytes": size}


def compare(args, corpus, model):
    out = args.work / "dry-run-output"
    shutil.rmtree(out, ignore_errors=True)
    plans, planning, runs = [], [], []
    for _ in range(args.rounds):
        plan, seconds = plan_of(args.binary, corpus, model, out)
        plans.append(plan)
        planning.append(seconds)
        runs.append(run_of(args.binary, corpus, model, out))
    median = lambda values: statistics.median(list(values))
    row = {"corpus": Path(corpus).name, "model": Path(model).name, "counted": plans[0]["counted"],
           "plan_took": median(planning), "duplicates": runs[0]["duplicates"]}
    for name, planned in (("records", "records"), ("tokens", "tokens"), ("seconds", "seconds"),
                          ("bytes", "disk_bytes")):
        row[name + "_planned"] = median(plan[planned] for plan in plans)
        row[name] = median(run[name] for run in runs)
    row["seconds_ratios"] = [p["seconds"] / r["seconds"] for p, r in zip(plans, runs)]
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("work", type=Path)
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--models", default="builtin")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    rows = []
    print("| corpus | model | records | tokens planned | run | off by | seconds planned | run | "
          "off by | bytes off by | planning took |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for model in args.models.split(","):
        for corpus in args.corpora:
            row = compare(args, corpus, model)
            rows.append(row)
            off = {name: 100 * (row[name + "_planned"] / row[name] - 1)
                   for name in ("tokens", "seconds", "bytes")}
            print(f"| {row['corpus']} | {row['model']} | {row['records']} "
                  f"| {row['tokens_planned']:.0f} | {row['tokens']} | {off['tokens']:+.2f} % "
                  f"| {row['seconds_planned']:.2f} | {row['seconds']:.2f} | {off['seconds']:+.0f} % "
                  f"| {off['bytes']:+.1f} % | {row['plan_took']:.1f} s |", flush=True)
    if args.output:
        args.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
