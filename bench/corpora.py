#!/usr/bin/env python3
"""How fast the formats of corpora are read: MB of text (and vectors) a second of one core.

usage: bench/corpora.py BUILD WORK [--rounds N] [--text FILE.txt] [--output FILE]

BUILD is a build directory with -DEMBEDTOOL_BENCH=ON. WORK takes the same records in every format:
JSONL by this script, Parquet and Arrow by pyarrow, which python3 must be able to import. The texts
are the lines of FILE, joined to some 400 bytes each, or made-up prose. Figures are medians over the
rounds of bench/read_corpus.cpp, of CPU time: other work on the machine matters little to them.
"""

import argparse
import itertools
import json
import random
import statistics
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

CODECS = ("none", "snappy", "lz4", "zstd", "gzip", "brotli")


def prose(rng):
    """Sentences of made-up words whose frequencies fall as those of a language do."""
    syllables = [a + b for a in "bdfgklmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er")]
    words = ["".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(20000)]
    sums = list(itertools.accumulate(1 / (i + 5) for i in range(len(words))))
    while True:
        yield " ".join(rng.choices(words, cum_weights=sums, k=14)).capitalize() + "."


def texts_of(path, records, rng):
    lines = Path(path).read_text(encoding="utf-8").splitlines() if path else prose(rng)
    text, texts = "", []
    for line in lines:
        text += (" " if text else "") + line
        if len(text) > 400:
            texts.append(text)
            text = ""
            if len(texts) == records:
                break
    return texts


def make(work, text_file):
    """Returns [(name, file, text field, vector field)]."""
    rng = random.Random(7)
    texts = texts_of(text_file, 100_000, rng)
    ids = [f"doc{i}" for i in range(len(texts))]
    table = pa.table({"id": ids, "text": texts})
    nested = pa.table({"id": ids, "doc": [{"body": [t[:200], t[200:]]} for t in texts]})
    floats = pa.array([rng.uniform(-1, 1) for _ in range(384 * 1000)], type=pa.float32())
    rows = pa.concat_arrays([pa.FixedSizeListArray.from_arrays(floats, 384)] * 40)
    rows = rows.cast(pa.list_(pa.float32()))
    vectors = pa.table({"id": [f"doc{i}" for i in range(len(rows))], "v": rows})

    cases = []

    def add(name, file, text="", vector=""):
        cases.append((name, work / file, text, vector))
        return work / file

    with open(add("jsonl", "corpus.jsonl"), "w", encoding="utf-8") as out:
        for i, t in zip(ids, texts):
            out.write(json.dumps({"id": i, "text": t}, ensure_ascii=False) + "\n")
    for codec in CODECS:
        pq.write_table(table, add(f"parquet {codec}", f"{codec}.parquet"), compression=codec)
    pq.write_table(nested, add("parquet nested", "nested.parquet", "doc.body"))
    pq.write_table(vectors, add("parquet vectors", "vectors.parquet", "", "v"))
    with pa.ipc.new_file(add("arrow", "corpus.arrow"), table.schema) as out:
        out.write_table(table)
    return cases


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--text")
    parser.add_argument("--output")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)

    figures = {}
    for name, file, text, vector in make(args.work, args.text):
        command = [args.build / "bench" / "read_corpus", file, text, vector, str(args.rounds)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        rounds = [json.loads(line) for line in printed.splitlines()]
        figures[name] = statistics.median(r["mb_per_s"] for r in rounds)
        print(f"{name:16} {figures[name]:6.0f} MB/s", flush=True)
    if args.output:
        Path(args.output).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
