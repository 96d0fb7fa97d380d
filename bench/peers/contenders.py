"""The contenders of bench/peers.py: embedtool as whole processes, and peers in workers that stay."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from engines import ENGINES

PRECISIONS = ("f32", "bf16", "int8")
PATIENCE = 2  # seconds, after which a peer is not given every chance
HERE = Path(__file__).resolve().parent


class Failed(Exception):
    """Why there is no figure, in words."""


class Embedtool:
    """The whole program, from the file of ids to shards: start, loading, writing and all."""

    name = "embedtool"

    def __init__(self, binary, precision, model, folder, threads):
        self.precision = precision
        self.out = folder / "out"
        self.command = [binary, "encode", "-m", model, "-o", self.out, "-q", "--compute", precision,
                        "--threads", str(threads)]

    def measure(self, workload, vectors=None):
        """Seconds; writes the vectors where they are asked for."""
        shutil.rmtree(self.out, ignore_errors=True)
        command = [*self.command, workload.path, *(("--to", "npy") if vectors else ())]
        begin = time.monotonic()
        run = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        seconds = time.monotonic() - begin
        if run.returncode:
            raise Failed(run.stderr.strip()[-200:])
        if vectors:
            rows = np.concatenate([np.load(part) for part in sorted(self.out.rglob("*.npy"))])
            np.save(vectors, rows)
        return seconds

    def close(self):
        shutil.rmtree(self.out, ignore_errors=True)


class Peer:
    """An engine in a process of its own, which loads once. Of two ways, all threads on one batch or
    each on a batch of its own, it keeps to the one that was quicker the first time; texts so long that
    the first way takes more than 5 * PATIENCE seconds keep it."""

    def __init__(self, name, precision, model, folder, threads):
        self.name, self.precision, self.threads = name, precision, threads
        self.wide = {}  # by the workload's name
        own = folder / ENGINES[name].package
        own.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, HERE / "worker.py", name, precision, model, own, str(threads)]
        with open(own / f"{precision}.log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                env=os.environ | {"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"})
        try:
            self.answer()
        except Failed:
            self.close()
            raise

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"ended with status {self.process.wait()}")
        answer = json.loads(line)
        if "failed" in answer:
            raise Failed(answer["failed"])
        return answer

    def ask(self, workload, wide, vectors=None):
        request = {"ids": str(workload.path), "size": workload.size, "wide": wide,
                   "by_length": workload.by_length, "out": str(vectors) if vectors else None}
        if self.process.poll() is None:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        return self.answer()["seconds"]

    def measure(self, workload, vectors=None):
        if workload.name in self.wide:
            return self.ask(workload, self.wide[workload.name], vectors)
        seconds = self.ask(workload, True, vectors)
        self.wide[workload.name] = True
        if self.threads > 1 and not vectors and seconds < 5 * PATIENCE:
            try:
                other = self.ask(workload, False)
            except Failed:
                return seconds  # some cannot, and long texts take too much memory
            self.wide[workload.name] = seconds <= other
            seconds = min(seconds, other)
        return seconds

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def start(options, model, folder, skipped):
    """Every contender that can be had; why another cannot goes to `skipped`."""
    contenders = []
    for precision in PRECISIONS:
        contenders.append(Embedtool(options.embedtool, precision, model, folder, options.threads))
        for name in options.engines.split(","):
            try:
                if precision in ENGINES[name].lacks:
                    raise Failed(ENGINES[name].lacks[precision])
                print(f"starting {name} {precision}", file=sys.stderr, flush=True)
                contenders.append(Peer(name, precision, model, folder, options.threads))
            except Failed as reason:
                skipped.append(f"{name} {precision}: {reason}")
    return contenders
