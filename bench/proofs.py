#!/usr/bin/env python3
"""What the report, the presets and the automatic batch size promise, measured.

usage: bench/proofs.py BUILD WORK [--only account,overhead,…] [--rounds N] [--output FILE]

BUILD is a build directory with -DEMBEDTOOL_BENCH=ON; WORK takes models and corpora, which are made
where they are missing: seeded random weights, and texts of random words in four mixes of lengths
(about 11, 60 and 300 words, and log-normal between them). The proofs:
  account    3 models x 4 mixes: what the stages do not explain of CPU and wall time (at most 5 %),
             and workspaces predicted against those that were there (within 10 %)
  overhead   what profiling costs: switches of the stage clocks x CPU time of one (below 1 %)
  latency    the first vector of a pipe, by default and with --optimize latency (10 times sooner)
  auto       --batch-size auto against the best of the fixed sizes, three mixes (within 3 %)
  memory     --optimize memory: peak of resident memory (at most 60 %) and speed (at most 10 % lost)
  limit      a run under an address-space limit of 1.2 x the weights + 64 MB, which must complete
Figures that compare are medians over rounds in which all take turns. Exit 1: a proof failed.
"""

import argparse
import json
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import e2e

MIXES = ("short", "mid", "long", "mixed")
MODELS = ("builtin-fast", "minilm", "base")
WORDS = {"short": 11, "mid": 60, "long": 300}
FIXED = (16, 32, 64, 128)


def make_corpus(work, mix, texts):
    """A JSONL file of texts of random words, the same for everybody."""
    path = work / f"words_{mix}_{texts}.jsonl"
    if path.exists():
        return path
    generator = random.Random(f"{mix} {texts}")
    syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    words = ["".join(generator.choices(syllables, k=generator.choice((1, 1, 2, 2, 3))))
             for _ in range(8000)]
    lines = []
    for i in range(texts):
        if mix == "mixed":
            count = round(generator.lognormvariate(math.log(35), 1.0))
        else:
            count = round(WORDS[mix] * generator.uniform(0.6, 1.4))
        text = " ".join(generator.choices(words, k=min(400, max(1, count))))
        lines.append(json.dumps({"id": str(i), "text": text}) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


class Bench:
    """Runs the program and keeps what was seen."""

    def __init__(self, build, work, rounds):
        self.build, self.work, self.rounds = build, work, rounds
        self.failed = []
        self.rows = []
        self.accounted = {}

    def model(self, name):
        return name if name.startswith("builtin") else e2e.make_model(self.work, name)

    def encode(self, corpus, model, *arguments, limit=None):
        """The report of a run. `limit`: bytes of address space."""
        out = self.work / "proof_out"
        command = [self.build / "embedtool", "encode", corpus, "-m", self.model(model), "-o", out,
                   "--overwrite", "-q", *arguments]

        def set_limit():
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
                # Addresses for a thread's stack, of which it uses a few pages: 2 of 8 MiB.
                resource.setrlimit(resource.RLIMIT_STACK, (2 << 20, 2 << 20))

        environment = dict(os.environ)
        if limit is not None:
            # glibc sets 64 MB of addresses aside for every thread's arena, of which it uses little.
            environment["MALLOC_ARENA_MAX"] = "1"
        subprocess.run(command, check=True, preexec_fn=set_limit, env=environment)
        return json.loads((out / "report.json").read_text(encoding="utf-8"))

    def account_of(self, model, mix):
        """The report of one run of several windows, made once."""
        if (model, mix) not in self.accounted:
            corpus = make_corpus(self.work, mix, texts_for(model, mix))
            self.accounted[model, mix] = self.encode(corpus, model, "--window", "1000")
        return self.accounted[model, mix]

    def in_turn(self, runs):
        """{name: [report]} of runs {name: function}, each once a round, every other in reverse."""
        reports = {name: [] for name in runs}
        for number in range(self.rounds):
            names = list(runs)
            for name in names if number % 2 == 0 else reversed(names):
                reports[name].append(runs[name]())
        return reports

    def say(self, proof, good, text, **figures):
        self.rows.append({"proof": proof, "good": good, "text": text, **figures})
        if not good:
            self.failed.append(proof)
        print(f"{proof:9} {'ok  ' if good else 'FAIL'} {text}", flush=True)


def ratios(reports, name, against, figure):
    """Median over the rounds of one's figure by the other's."""
    pairs = zip(reports[name], reports[against])
    return statistics.median(figure(a) / figure(b) for a, b in pairs)


def encode_cpu(report):
    """CPU time of encoding alone, in milliseconds."""
    stages = ("batch", "lookup", "gemm", "attention", "elementwise", "pool", "head", "normalize",
              "quantize")
    return sum(report["stages"][s]["cpu_ms"] for s in stages if s in report["stages"])


def texts_for(model, mix):
    """So many that a run takes some seconds and has several windows of 1000."""
    if model.startswith("builtin"):
        return {"short": 60000, "mid": 20000, "long": 5000, "mixed": 20000}[mix]
    scale = 1 if model == "minilm" else 0.3
    return round({"short": 4000, "mid": 1200, "long": 400, "mixed": 1500}[mix] * scale)


def prove_account(bench):
    for model in MODELS:
        for mix in MIXES:
            report = bench.account_of(model, mix)
            account, memory = report["accounting"], report["memory"]
            cpu, wall = account["cpu_unexplained_percent"], account["wall_unexplained_percent"]
            error = memory["workspace_error_percent"]
            bench.say("account", cpu <= 5 and wall <= 5 and abs(error) <= 10,
                      f"{model} {mix}: unexplained {cpu:.2f} % of CPU, {wall:.2f} % of wall time; "
                      f"workspaces {memory['workspace_predicted'] / 1e6:.1f} MB predicted, "
                      f"{memory['workspace'] / 1e6:.1f} MB there ({error:+.1f} %)",
                      model=model, mix=mix, cpu=cpu, wall=wall, workspace_error=error)


def prove_overhead(bench):
    lines = subprocess.run([bench.build / "bench/switches"], check=True, capture_output=True,
                           text=True).stdout
    cost = json.loads(lines)
    for model in MODELS:
        for mix in MIXES:
            report = bench.account_of(model, mix)
            short = long = 0
            for name, stage in report["stages"].items():
                mean_ms = stage["wall_ms"] / max(1, stage["calls"])
                if mean_ms < 0.02 and name != "idle":  # StageClock's kShortSpan
                    short += stage["calls"]
                else:
                    long += stage["calls"]
            ms = (short * cost["short_ns"] + long * cost["long_ns"]) / 1e6
            percent = 100 * ms / report["cpu_ms"]
            bench.say("overhead", percent < 1,
                      f"{model} {mix}: {short} switches behind short spans ({cost['short_ns']:.0f} "
                      f"ns each), {long} behind long ones ({cost['long_ns']:.0f} ns), in "
                      f"{report['cpu_ms']:.0f} ms of CPU time: {percent:.2f} %",
                      model=model, mix=mix, percent=percent)


def first_line_seconds(bench, corpus, *arguments):
    command = [bench.build / "embedtool", "encode", "-", "--format", "jsonl", "-m",
               bench.model("minilm"), "-o", "-", "-q", *arguments]
    begin = time.monotonic()
    with open(corpus, "rb") as source, subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        feeder = subprocess.Popen(["cat"], stdin=source, stdout=process.stdin)
        process.stdin.close()
        process.stdout.readline()
        seconds = time.monotonic() - begin
        process.kill()
        feeder.wait()
    return seconds


def prove_latency(bench):
    corpus = make_corpus(bench.work, "short", 9000)
    seconds = bench.in_turn({
        "default": lambda: first_line_seconds(bench, corpus),
        "latency": lambda: first_line_seconds(bench, corpus, "--optimize", "latency"),
    })
    ratio = ratios(seconds, "default", "latency", float)
    default, latency = (statistics.median(seconds[n]) for n in ("default", "latency"))
    bench.say("latency", ratio >= 10,
              f"minilm, pipe of 9000 texts of 11 words: first vector after {default:.2f} s by "
              f"default, {latency:.3f} s with --optimize latency: {ratio:.1f} times sooner",
              ratio=ratio)


def prove_auto(bench):
    for mix in ("short", "mid", "mixed"):
        corpus = make_corpus(bench.work, mix, texts_for("minilm", mix))
        runs = {size: lambda size=size: bench.encode(corpus, "minilm", "--batch-size", size,
                                                      "--window", "500")
                for size in (*map(str, FIXED), "auto")}
        reports = bench.in_turn(runs)
        costs = {n: statistics.median(map(encode_cpu, r)) for n, r in reports.items()}
        best = min((n for n in costs if n != "auto"), key=costs.get)
        ratio = ratios(reports, "auto", best, encode_cpu)
        wall = ratios(reports, "auto", best, lambda r: r["encode_ms"])
        shown = ", ".join(f"{n}: {c:.0f}" for n, c in costs.items())
        bench.say("auto", ratio <= 1.03,
                  f"minilm {mix}: auto takes {ratio:.3f} of the CPU time of the best fixed size, "
                  f"{best} ({wall:.3f} of its wall time); ms of CPU time: {shown}",
                  mix=mix, ratio=ratio, wall=wall)


def prove_memory(bench):
    for model in ("minilm", "base"):
        corpus = make_corpus(bench.work, "mixed", 11500 if model == "minilm" else 500)
        reports = bench.in_turn({
            "default": lambda: bench.encode(corpus, model),
            "memory": lambda: bench.encode(corpus, model, "--optimize", "memory"),
        })
        default = statistics.median(r["memory"]["peak_rss"] for r in reports["default"])
        peak = ratios(reports, "memory", "default", lambda r: r["memory"]["peak_rss"])
        cpu = ratios(reports, "memory", "default", encode_cpu)
        wall = ratios(reports, "memory", "default", lambda r: r["encode_ms"])
        held = statistics.median(r["memory"]["peak_rss"] for r in reports["memory"])
        bench.say("memory", peak <= 0.6 and cpu <= 1.1,
                  f"{model}, --optimize memory: {held / 1e6:.0f} MB at most, {peak:.1%} of "
                  f"{default / 1e6:.0f} MB; {cpu:.3f} of the CPU time, {wall:.3f} of the wall time",
                  model=model, peak=peak, cpu=cpu, wall=wall)


def prove_limit(bench):
    for name, hidden, texts in (("minilm", 384, 2500), ("base", 768, 300)):
        prove_limit_of(bench, name, hidden, make_corpus(bench.work, "mixed", texts))


def prove_limit_of(bench, name, hidden, corpus):
    model = Path(bench.model(name))
    mapped = (model / "model.safetensors").stat().st_size
    for preset in ("throughput", "memory"):
        free = bench.encode(corpus, name, "--optimize", preset)
        # In an address space the weights stand twice, as the mapped file and packed.
        limit = int(1.2 * (mapped + free["memory"]["weights"])) + 64_000_000
        arguments = ("--optimize", preset, "--memory-limit", str(limit))
        try:
            held = bench.encode(corpus, name, *arguments, limit=limit)
            complete = held["counts"]["rows"] == free["counts"]["rows"]
        except subprocess.CalledProcessError:
            complete = False
        bench.say("limit", complete,
                  f"{name}, {preset}: {'' if complete else 'not '}complete under ulimit -v of "
                  f"{limit / 1e6:.0f} MB (1.2 x "
                  f"{(mapped + free['memory']['weights']) / 1e6:.0f} MB mapped and packed + 64 MB)",
                  limit=limit)
        # Resident: what is packed, and the table of word embeddings, which is read in the file.
        table = 4 * e2e.VOCABULARY * hidden
        resident = int(1.2 * (table + free["memory"]["weights"])) + 64_000_000
        held = bench.encode(corpus, name, "--optimize", preset, "--memory-limit", str(resident))
        peak = held["memory"]["peak_rss"]
        bench.say("limit", peak <= resident,
                  f"{name}, {preset}: --memory-limit of 1.2 x "
                  f"{(table + free['memory']['weights']) / 1e6:.0f} MB resident weights + 64 MB = "
                  f"{resident / 1e6:.0f} MB: complete, {peak / 1e6:.0f} MB at most", limit=resident,
                  peak=peak)


PROOFS = {
    "account": prove_account,
    "overhead": prove_overhead,
    "latency": prove_latency,
    "auto": prove_auto,
    "memory": prove_memory,
    "limit": prove_limit,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", default=",".join(PROOFS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, help="figures, JSON")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    bench = Bench(options.build.absolute(), options.work.absolute(), options.rounds)
    for name in options.only.split(","):
        try:
            PROOFS[name](bench)
        except subprocess.CalledProcessError as error:
            bench.say(name, False, f"{' '.join(map(str, error.cmd))}: status {error.returncode}")
    if options.output:
        results = {"machine": e2e.machine(), "rounds": options.rounds, "proofs": bench.rows}
        options.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 1 if bench.failed else 0


if __name__ == "__main__":
    sys.exit(main())
