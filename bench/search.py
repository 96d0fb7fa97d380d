#!/usr/bin/env python3
"""How long an exact search over all rows takes, beside FAISS's flat index.

usage: bench/search.py EMBEDTOOL WORK [--rows N] [--queries N] [--rounds N] [--output FILE]

Encodes N made-up texts with the built-in model into WORK, once. Then, in turn, rounds times: the
whole command `embedtool search --queries` (reading the output and encoding the queries included), and
the search alone of an IndexFlatIP that holds the same vectors already. python3 must be able to import
faiss and pyarrow. Also says for how many queries both find the same rows.
"""

import argparse
import json
import random
import statistics
import subprocess
import time
from pathlib import Path

import faiss
import numpy as np
import pyarrow.dataset


def lines(count, seed):
    rng = random.Random(seed)
    syllables = [a + b for a in "bdfgklmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er")]
    words = ["".join(rng.choices(syllables, k=rng.randint(1, 3))) for _ in range(20000)]
    return (" ".join(rng.choices(words, k=8)) + f" {i}" for i in range(count))


def make(embedtool, work, rows, queries):
    work.mkdir(parents=True, exist_ok=True)
    asked = work / "queries.txt"
    asked.write_text("\n".join(lines(queries, 2)) + "\n", encoding="utf-8")
    corpus = work / f"{rows}.txt"
    if not corpus.exists():
        corpus.write_text("\n".join(lines(rows, 1)) + "\n", encoding="utf-8")
    for texts, name in ((corpus, f"out{rows}"), (asked, "asked")):
        command = [embedtool, "encode", "-q", "-m", "builtin", "-o", work / name, texts]
        subprocess.run(command + (["--overwrite"] if name == "asked" else []), check=True)
    return work / f"out{rows}", work / "asked", asked


def vectors(output):
    table = pyarrow.dataset.dataset(output / "data").to_table(columns=["id", "embedding"])
    flat = table["embedding"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    ids = table["id"].to_pylist()
    return ids, np.ascontiguousarray(flat.reshape(len(ids), -1), dtype=np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("embedtool")
    parser.add_argument("work", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    output, asked, queries = make(args.embedtool, args.work, args.rows, args.queries)
    ids, rows = vectors(output)
    _, query_vectors = vectors(asked)
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    ours, flat = [], []
    for _ in range(args.rounds):
        start = time.perf_counter()
        found = subprocess.run([args.embedtool, "search", output, "--queries", queries, "--json"],
                               check=True, capture_output=True).stdout
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        _, theirs = index.search(query_vectors, 10)
        flat.append(time.perf_counter() - start)
    answers = {}
    for line in map(json.loads, found.splitlines()):
        answers.setdefault(line["query"], []).append(line["id"])
    names = queries.read_text(encoding="utf-8").splitlines()
    same = sum(set(answers[name]) == {ids[i] for i in theirs[q]} for q, name in enumerate(names))
    report = {
        "rows": len(ids), "dims": rows.shape[1], "queries": len(names), "same_rows": same,
        "embedtool_seconds": round(statistics.median(ours), 2),
        "faiss_flat_seconds": round(statistics.median(flat), 2),
    }
    text = json.dumps(report, indent=1)
    print(text)
    if args.output:
        args.output.write_text(text + "\n", encoding="utf-8")


main()
