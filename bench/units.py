#!/usr/bin/env python3
"""What parts of a job cost: against a plain run, at merge, and when a process is stopped.

  bench/units.py [--binary build/release/embedtool] [--model DIR] [--texts 200000] [--units 10000]

Prints
  - the CPU seconds of a plain run and of one part of one, in turns, and their ratio (aim: 1.01);
  - the time and peak memory of merging that many units (aims: 2 s, 64 MB), and which of their shards
    were opened for reading, where strace is installed (aim: none);
  - how long a run takes to end after SIGTERM (aim: 10 s).
Figures depend on the machine and on what else runs there: nothing is asserted."""
import argparse
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

WORDS = "the a of river stone light house walks under over green seven ideas about water music".split()


def write_corpus(path, texts, words):
    random.seed(1)
    with open(path, "w") as out:
        for i in range(texts):
            text = " ".join(random.choices(WORDS, k=random.randint(1, words)))
            out.write(json.dumps({"id": f"t{i}", "text": text}) + "\n")


def cpu_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cost_of_parts(args, folder):
    corpus = folder / "corpus.jsonl"
    write_corpus(corpus, args.texts, 40)
    times = {"plain": [], "part": []}
    for _ in range(args.rounds):
        for kind in times:
            out = folder / "out"
            shutil.rmtree(out, ignore_errors=True)
            command = [args.binary, "encode", "-q", str(corpus), "-o", str(out), "-m", args.model]
            times[kind].append(cpu_seconds(command + (["--part", "1/1"] if kind == "part" else [])))
    plain, part = (statistics.median(times[kind]) for kind in times)
    print(f"{args.texts} texts: plain {plain:.2f} s of CPU, in units {part:.2f} s: {part / plain:.3f}")


def merge(args, folder):
    corpus = folder / "many.jsonl"
    write_corpus(corpus, args.units * 14, 24)
    size = corpus.stat().st_size
    corpus.write_bytes(corpus.read_bytes()[: args.units * 1024])
    out = folder / "units"
    subprocess.run([args.binary, "encode", "-q", str(corpus), "-o", str(out), "--part", "1/1", "--unit",
                    "1K"], check=True, stderr=subprocess.DEVNULL)
    trace = folder / "trace"
    command = [args.binary, "merge", str(out)]
    if shutil.which("strace"):
        copy = folder / "traced"
        shutil.copytree(out, copy)
        subprocess.run(["strace", "-f", "-e", "trace=read,pread64,mmap", "-y", "-o", str(trace),
                        args.binary, "merge", "-q", str(copy)], check=True)
        opened = {line.split("<")[1].split(">")[0] for line in trace.read_text().splitlines()
                  if ".parquet>" in line}
        print(f"shards read by merge: {len(opened)}")
    begin = time.monotonic()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    print(f"{args.units} units merged in {time.monotonic() - begin:.2f} s, status {status}, "
          f"{usage.ru_maxrss / 1024:.0f} MB ({size} bytes of corpus)")


def stop(args, folder):
    corpus = folder / "long.jsonl"
    write_corpus(corpus, 200000, 200)
    for seconds in (2, 6, 12):
        out = folder / "stopped"
        shutil.rmtree(out, ignore_errors=True)
        process = subprocess.Popen([args.binary, "encode", "-q", str(corpus), "-o", str(out), "-m",
                                    args.stop_model, "--part", "1/1"], stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        status = process.wait()
        print(f"SIGTERM after {seconds} s: ended in {time.monotonic() - begin:.2f} s, status {status}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binary", default="build/release/embedtool")
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--stop-model", default="builtin", help="a MiniLM-shaped folder, say")
    parser.add_argument("--texts", type=int, default=200000)
    parser.add_argument("--units", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        cost_of_parts(args, folder)
        merge(args, folder)
        stop(args, folder)


if __name__ == "__main__":
    main()
