#!/usr/bin/env python3
"""Compares the vectors of two builds or CPUs on the golden models and the sample corpus.

Usage: compare_vectors.py REFERENCE OTHER [--compute P]... [--gemm B] [--sample] [--models PATTERN]
                          [--reference-isa NAME] [--other-isa NAME]
                          [--min-cosine X] [--max-difference X]

REFERENCE and OTHER are commands, such as "build/release/embedtool" or
"qemu-x86_64-static -cpu Haswell build/release/embedtool". Prints for each precision the smallest
cosine and the largest difference of an element between normalized vectors, and where. Exits 1 when
a limit is broken or a command fails.
"""
import argparse
import fnmatch
import json
import math
import pathlib
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def encode(command, isa, model, corpus, compute, gemm):
    """The rows' vectors, in the order of the corpus."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "rows.jsonl"
        arguments = ["encode", str(corpus), "--model", str(model), "-o", str(out), "--to", "jsonl",
                     "--compute", compute, "--gemm", gemm, "--isa", isa, "--threads", "2", "-q"]
        run = subprocess.run(shlex.split(command) + arguments, capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(f"{command} on {model} in {compute}: exit {run.returncode}\n{run.stderr}")
        files = [out] if out.is_file() else sorted(out.rglob("*.jsonl"))
        return [json.loads(line)["embedding"] for file in files for line in open(file)]


def unit(vector):
    norm = math.sqrt(sum(x * x for x in vector)) or 1.0
    return [x / norm for x in vector]


def golden_corpus(model, folder):
    """The golden texts of a model as token ids."""
    items = json.loads((model.parent / "golden.json").read_text())["items"]
    corpus = pathlib.Path(folder) / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"id": str(i), "input_ids": item["input_ids"]}) + "\n"
                              for i, item in enumerate(items)))
    return corpus


def corpora(options, folder):
    """(name, model, corpus) of everything that is compared."""
    if options.sample:
        yield "sample", "builtin", ROOT / "scripts/sample/texts.jsonl"
        return
    for model in sorted((ROOT / "tests/golden/data").glob("*/model")):
        if fnmatch.fnmatch(model.parent.name, options.models):
            yield model.parent.name, model, golden_corpus(model, folder)


def compare(options, compute):
    """False when a limit is broken."""
    rows = 0
    worst_cosine, worst_difference = (2.0, ""), (-1.0, "")
    with tempfile.TemporaryDirectory() as folder:
        for name, model, corpus in corpora(options, folder):
            a = encode(options.reference, options.reference_isa, model, corpus, compute, options.gemm)
            b = encode(options.other, options.other_isa, model, corpus, compute, options.gemm)
            if len(a) != len(b) or not a:
                sys.exit(f"{name}: {len(a)} and {len(b)} rows")
            for x, y in zip(map(unit, a), map(unit, b)):
                rows += 1
                cosine = sum(p * q for p, q in zip(x, y))
                difference = max(abs(p - q) for p, q in zip(x, y))
                worst_cosine = min(worst_cosine, (cosine, name))
                worst_difference = max(worst_difference, (difference, name))
    print(f"{compute:5} {rows} vectors: 1 - cosine at most {1 - worst_cosine[0]:.1e} ({worst_cosine[1]}), "
          f"difference at most {worst_difference[0]:.1e} ({worst_difference[1]})", flush=True)
    return worst_cosine[0] >= options.min_cosine and worst_difference[0] <= options.max_difference


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("reference")
    parser.add_argument("other")
    parser.add_argument("--compute", action="append")
    parser.add_argument("--gemm", default="native")
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--models", default="*")
    parser.add_argument("--reference-isa", default="auto")
    parser.add_argument("--other-isa", default="auto")
    parser.add_argument("--min-cosine", type=float, default=0.0)
    parser.add_argument("--max-difference", type=float, default=math.inf)
    options = parser.parse_args()
    kept = [compare(options, compute) for compute in options.compute or ["f32"]]
    sys.exit(0 if all(kept) else 1)


main()
