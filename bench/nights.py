#!/usr/bin/env python3
"""What a night costs when 1 % of the texts have changed, against a full run.

usage: bench/nights.py BUILD WORK [--texts N] [--models builtin,minilm] [--rounds N] [--output FILE]

BUILD is a build directory; WORK takes models and corpora, which are made where they are missing
(seeded random weights, texts of random words, half a dozen to a few dozen of them). For each model:
a full run, then runs with --reuse over the same corpus with 1 % of its texts changed, in its order and
shuffled; and what a corpus costs in which every text stands ten times, far apart. Wall and CPU times
are medians over the rounds; texts encoded are counted by the report.
"""

import argparse
import json
import random
import shutil
import statistics
import subprocess
import time
from pathlib import Path

import e2e


def write(path, texts):
    with path.open("w", encoding="utf-8") as file:
        for i, text in texts:
            file.write(json.dumps({"id": str(i), "text": text}) + "\n")


def make_corpora(work, count):
    """Paths by name: last night's texts, tonight's, tonight's shuffled, and each of a few ten times."""
    folder = work / f"nights_{count}"
    paths = {name: folder / f"{name}.jsonl" for name in ("last", "now", "shuffled", "tenfold")}
    if all(path.exists() for path in paths.values()):
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    generator = random.Random(count)
    words = ["".join(generator.choices("bdfgklmnprstaeiou", k=generator.choice((2, 4, 6, 9))))
             for _ in range(8000)]
    texts = [(i, f"{i} " + " ".join(generator.choices(words, k=generator.randint(5, 40))))
             for i in range(count)]
    write(paths["last"], texts)
    for i in generator.sample(range(count), count // 100):
        texts[i] = (i, texts[i][1] + " changed")
    write(paths["now"], texts)
    write(paths["tenfold"], [(i, texts[i % (count // 10)][1]) for i in range(count)])
    generator.shuffle(texts)
    write(paths["shuffled"], texts)
    return paths


def warm_memory(work, size):
    """Has the machine hold memory for files of that size.

    Where a host takes back what its guest does not use, the first write to a page costs several times
    as much as every other: whichever run came first would pay for it.
    """
    scratch = work / "warm"
    with scratch.open("wb") as file:
        for _ in range(size >> 20):
            file.write(bytes(1 << 20))
    scratch.unlink()


def encode(build, work, model, corpus, name, *arguments):
    """Wall seconds and the report's counts."""
    out = work / "nights_out" / name
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    shutil.rmtree(out, ignore_errors=True)
    warm_memory(work, size)
    command = [build / "embedtool", "encode", corpus, "-m", model, "-o", out, "-q", *arguments]
    begin = time.monotonic()
    subprocess.run(command, check=True)
    seconds = time.monotonic() - begin
    return seconds, json.loads((out / "report.json").read_text())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--models", default="builtin,minilm")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    corpora = make_corpora(options.work, options.texts)
    rows = []
    for name in options.models.split(","):
        model = name if name.startswith("builtin") else e2e.make_model(options.work, name)
        encode(options.build, options.work, model, corpora["last"], f"{name}_last")
        reuse = ("--reuse", options.work / "nights_out" / f"{name}_last")
        runs = {"full": ("now",), "reuse": ("now", *reuse), "reuse, shuffled": ("shuffled", *reuse),
                "tenfold": ("tenfold",)}
        seen = {run: [] for run in runs}
        for _ in range(options.rounds):
            for run, (corpus, *arguments) in runs.items():
                seen[run].append(encode(options.build, options.work, model, corpora[corpus],
                                        f"{name}_now", *arguments))
        full = statistics.median(seconds for seconds, _ in seen["full"])
        full_cpu = statistics.median(report["cpu_ms"] for _, report in seen["full"])
        for run, results in seen.items():
            seconds = statistics.median(wall for wall, _ in results)
            report = results[-1][1]
            cpu = statistics.median(report["cpu_ms"] for _, report in results)
            rows.append({"model": name, "run": run, "texts": options.texts, "seconds": seconds,
                         "of_full_percent": 100 * seconds / full,
                         "cpu_of_full_percent": 100 * cpu / full_cpu,
                         "encoded": report["counts"]["encoded"],
                         "memory_peak_mb": report["memory_peak_mb"]})
            print(f"{name:14} {run:16} {seconds:8.2f} s {100 * seconds / full:6.1f} %, CPU "
                  f"{100 * cpu / full_cpu:6.1f} %  "
                  f"{report['counts']['encoded']:>9} encoded  {report['memory_peak_mb']:.0f} MB",
                  flush=True)
    if options.output:
        options.output.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
