"""One engine in a process of its own, driven by lines of JSON.

usage: worker.py ENGINE PRECISION MODEL FOLDER THREADS

Answers {"ready": true} or {"failed": reason} when it has loaded, then every request
  {"ids": JSONL file, "size": texts a batch, "by_length": sort them, "wide": all threads work on one
   batch, or each on one of its own, "out": npy file for the vectors or null}
with {"seconds": s} or {"failed": reason}. What libraries print goes to standard error.
"""

import json
import os
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from engines import ENGINES, Unsupported


def limit_memory():
    """Attention that keeps all scores can ask for more than there is: then it fails, not the machine."""
    with open("/proc/meminfo", encoding="utf-8") as lines:
        sizes = dict(line.split(":") for line in lines)
    most = int(sizes["MemAvailable"].split()[0]) * 1024 * 8 // 10
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


class Worker:
    def __init__(self, engine, precision, model, folder, threads):
        self.threads = int(threads)
        self.make = lambda *how: ENGINES[engine](Path(model), precision, Path(folder), *how)
        self.engines = {1: self.make(self.threads, 1)}  # by the number of streams

    def answer(self, request):
        streams = 1 if request["wide"] else self.threads
        if streams not in self.engines:
            self.engines[streams] = self.make(1, streams)
        engine = self.engines[streams]
        with open(request["ids"], encoding="utf-8") as lines:
            texts = [json.loads(line)["input_ids"] for line in lines]
        order = list(range(len(texts)))
        if request["by_length"]:
            order.sort(key=lambda i: -len(texts[i]))
        size = request["size"]
        parts = [order[i : i + size] for i in range(0, len(order), size)]
        batches = [[texts[i] for i in part] for part in parts]
        engine.encode([batches[-1][-1][:16]])  # the first use of anything is slow
        try:
            with ThreadPoolExecutor(streams) as pool:
                begin = time.monotonic()
                rows = list(pool.map(engine.encode, batches))
                seconds = time.monotonic() - begin
        finally:
            engine.rest(max(map(len, texts)))
        if request["out"]:
            vectors = np.empty((len(texts), rows[0].shape[1]))
            vectors[order] = np.concatenate(rows)
            np.save(request["out"], vectors)
        return {"seconds": seconds}


def words_of(error):
    if isinstance(error, ImportError):
        return f"not installed ({error})"
    if isinstance(error, Unsupported):
        return str(error)
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def main():
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    limit_memory()
    try:
        worker = Worker(*sys.argv[1:])
        answer = {"ready": True}
    except Exception as error:  # whatever a library throws is the reason
        worker = None
        answer = {"failed": words_of(error)}
    print(json.dumps(answer), file=answers, flush=True)
    for line in sys.stdin if worker else ():
        try:
            answer = worker.answer(json.loads(line))
        except Exception as error:
            answer = {"failed": words_of(error)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
