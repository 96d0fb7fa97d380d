#!/usr/bin/env python3
"""How good are a model's vectors? One table over similarity and retrieval sets, beside baselines.

Encodes with the embedtool binary, so that what is measured is what users get:

    tools/evaluate.py -m builtin-fast
    tools/evaluate.py -m ./my-model --dims 128 --dtype int8 --json figures.json
    tools/evaluate.py -m A -m B          # side by side

Similarity sets: Spearman's rank correlation of cosine and human score. Retrieval sets: nDCG@10 with
linear gains, as trec_eval computes it. Baselines, computed in the same run: BM25 (k1 0.9, b 0.4, no
stemmer, no stop words), word overlap (Dice on sets of words) and averaged GloVe vectors (25 d).
Needs numpy and, for .zst files, the `zstd` program.
"""
import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

REPO = Path(__file__).resolve().parents[1]
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
BASELINES = ("BM25", "overlap", "GloVe")


# ---------------------------------------------------------------------------------------------- sets
def read_lines(path):
    """Lines of a text file; a name ending in .zst is unpacked by the zstd program."""
    if path.suffix == ".zst":
        run = subprocess.run(["zstd", "-dc", path], stdout=subprocess.PIPE, check=True)
        return run.stdout.decode("utf-8").splitlines()
    return path.read_text(encoding="utf-8").split("\n")


def read_jsonl(folder, stem):
    plain = folder / (stem + ".jsonl")
    path = plain if plain.exists() else folder / (stem + ".jsonl.zst")
    return [json.loads(line) for line in read_lines(path) if line]


class StsSet:
    """Scored sentence pairs."""

    kind = "sts"

    def __init__(self, path):
        self.name = path.stem
        rows = [line.split("\t") for line in read_lines(path)]
        rows = [row for row in rows if len(row) == 3]
        self.gold = np.array([float(row[0]) for row in rows])
        self.left = [row[1] for row in rows]
        self.right = [row[2] for row in rows]

    def texts(self):
        return self.left + self.right

    def score(self, vectors):
        """Spearman of cosine; `vectors` are the rows of texts(), L2-normalised."""
        half = len(self.left)
        return spearman(np.einsum("ij,ij->i", vectors[:half], vectors[half:]), self.gold)

    def baselines(self, glove):
        overlap = [dice(words(a), words(b)) for a, b in zip(self.left, self.right)]
        return {"overlap": spearman(np.array(overlap), self.gold),
                "GloVe": self.score(glove.encode(self.texts()))}


class RetrievalSet:
    """Documents, queries and graded judgements in BEIR's layout."""

    kind = "retrieval"

    def __init__(self, folder):
        self.name = folder.name
        docs = read_jsonl(folder, "corpus")
        self.doc_texts = [(d.get("title", "") + " " + d["text"]).strip() for d in docs]
        row = {d["_id"]: i for i, d in enumerate(docs)}
        judged = {}
        for path in sorted((folder / "qrels").glob("*.tsv")):
            for line in read_lines(path)[1:]:
                if line:
                    query, doc, grade = line.split("\t")
                    if float(grade) > 0 and doc in row:
                        judged.setdefault(query, {})[row[doc]] = float(grade)
        self.queries = [q["text"] for q in read_jsonl(folder, "queries") if q["_id"] in judged]
        self.judged = [judged[q["_id"]] for q in read_jsonl(folder, "queries") if q["_id"] in judged]

    def texts(self):
        return self.doc_texts + self.queries

    def score(self, vectors):
        """Mean nDCG@10 of exact cosine search; `vectors` are the rows of texts()."""
        docs, queries = vectors[: len(self.doc_texts)], vectors[len(self.doc_texts):]
        return self.ndcg(queries @ docs.T)

    def ndcg(self, scores, cut=10):
        """Mean nDCG@cut of a [queries, documents] score matrix; ties fall to the earlier document."""
        total = 0.0
        for row, grades in zip(scores, self.judged):
            top = np.argsort(-row, kind="stable")[:cut]
            gain = sum(grades.get(int(d), 0.0) / math.log2(i + 2) for i, d in enumerate(top))
            best = sorted(grades.values(), reverse=True)[:cut]
            total += gain / sum(g / math.log2(i + 2) for i, g in enumerate(best))
        return total / len(self.judged)

    def baselines(self, glove):
        docs = [words(text) for text in self.doc_texts]
        queries = [words(text) for text in self.queries]
        doc_sets = [set(doc) for doc in docs]
        overlap = np.array([[dice(set(q), d) for d in doc_sets] for q in queries])
        return {"BM25": self.ndcg(bm25(docs, queries)), "overlap": self.ndcg(overlap),
                "GloVe": self.score(glove.encode(self.texts()))}


def load_sets(data, only=None):
    """All sets under data/sts and data/ir whose name matches the pattern `only`."""
    sets = [StsSet(p) for p in sorted((data / "sts").glob("*.tsv")) if keep(p.stem, only)]
    for folder in sorted((data / "ir").iterdir()):
        if keep(folder.name, only):
            sets.append(RetrievalSet(folder))
    return sets


def keep(name, only):
    return only is None or re.search(only, name) is not None


# ------------------------------------------------------------------------------------------- scoring
def ranks(values):
    """Ranks from 0; equal values share their mean rank."""
    order = np.argsort(values, kind="stable")
    _, start, count = np.unique(values[order], return_index=True, return_counts=True)
    out = np.empty(len(values))
    out[order] = np.repeat(start + (count - 1) / 2, count)
    return out


def spearman(x, y):
    """Spearman's rank correlation; 0 where one side is constant."""
    a, b = ranks(np.asarray(x)), ranks(np.asarray(y))
    a, b = a - a.mean(), b - b.mean()
    size = math.sqrt((a @ a) * (b @ b))
    return float(a @ b) / size if size else 0.0


def words(text):
    """Lower-case words; Chinese and Japanese characters stand alone."""
    return WORD.findall(text.lower())


def dice(a, b):
    a, b = set(a), set(b)
    return 2 * len(a & b) / (len(a) + len(b)) if a or b else 0.0


def bm25(docs, queries, k1=0.9, b=0.4):
    """Okapi BM25 scores [queries, documents] of word lists."""
    postings, lengths = {}, np.array([len(doc) for doc in docs], dtype=np.float64)
    for i, doc in enumerate(docs):
        for word in doc:
            counts = postings.setdefault(word, {})
            counts[i] = counts.get(i, 0) + 1
    norm = k1 * (1 - b + b * lengths / max(lengths.mean(), 1e-9))
    scores = np.zeros((len(queries), len(docs)))
    for q, query in enumerate(queries):
        for word in query:
            if word in postings:
                rows = np.fromiter(postings[word].keys(), dtype=np.int64)
                tf = np.fromiter(postings[word].values(), dtype=np.float64)
                idf = math.log(1 + (len(docs) - len(rows) + 0.5) / (len(rows) + 0.5))
                scores[q, rows] += idf * tf / (tf + norm[rows])
    return scores


def normalized(vectors):
    size = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(size > 0, size, 1)


class Glove:
    """Averaged word vectors: the classical static baseline."""

    def __init__(self, path):
        rows = [line.split(" ") for line in read_lines(path) if line]
        self.row = {row[0]: i for i, row in enumerate(rows)}
        self.table = np.array([[float(x) for x in row[1:]] for row in rows], dtype=np.float32)

    def encode(self, texts):
        out = np.zeros((len(texts), self.table.shape[1]), dtype=np.float32)
        for i, text in enumerate(texts):
            ids = [self.row[w] for w in words(text) if w in self.row]
            if ids:
                out[i] = self.table[ids].mean(axis=0)
        return normalized(out)


# ------------------------------------------------------------------------------------------ encoding
class Binary:
    """Encodes texts with `embedtool encode`; one run for all sets."""

    def __init__(self, program, model, extra):
        self.program, self.model, self.extra = program, model, extra

    def encode(self, texts):
        with tempfile.TemporaryDirectory(prefix="embedtool-evaluate-") as folder:
            source, out = Path(folder) / "texts.jsonl", Path(folder) / "out"
            with open(source, "w", encoding="utf-8") as file:
                for i, text in enumerate(texts):
                    file.write(json.dumps({"id": str(i), "text": text}, ensure_ascii=False) + "\n")
            command = [self.program, "encode", source, "-m", self.model, "-o", out, "--to", "npy", "-q"]
            run = subprocess.run(command + self.extra, stderr=subprocess.PIPE)
            if run.returncode:
                sys.exit(f"{self.program} failed ({run.returncode}):\n{run.stderr.decode()}")
            return self.rows(out, len(texts))

    @staticmethod
    def rows(out, count):
        parts = sorted(out.glob("*.npy")) if out.is_dir() else [out]
        vectors = np.concatenate([np.load(part) for part in parts])
        if len(vectors) != count:
            sys.exit(f"{out}: {len(vectors)} rows for {count} texts; were records rejected?")
        if vectors.dtype == np.uint8:  # binary: one bit a dimension, Hamming distance as a cosine
            vectors = np.unpackbits(vectors, axis=1).astype(np.float32) * 2 - 1
        return normalized(vectors.astype(np.float32))


def evaluate(encode, sets):
    """{set: score} of a function that maps a list of texts to L2-normalised rows."""
    unique, index = {}, []
    for one in sets:
        index.append([unique.setdefault(text, len(unique)) for text in one.texts()])
    vectors = encode(list(unique))
    return {one.name: one.score(vectors[rows]) for one, rows in zip(sets, index)}


# --------------------------------------------------------------------------------------------- table
def print_table(sets, results, out=sys.stdout):
    """A Markdown table: one row a set, one column a method, a mean for each kind."""
    names = list(results)
    width = max(len(one.name) for one in sets) + 2
    print("| " + "set".ljust(width) + " | " + " | ".join(f"{n:>12}" for n in names) + " |", file=out)
    print("|" + "-" * (width + 2) + "|" + "|".join("-" * 13 + ":" for _ in names) + "|", file=out)
    for kind, title in (("sts", "mean Spearman"), ("retrieval", "mean nDCG@10")):
        chosen = [one for one in sets if one.kind == kind]
        for one in chosen:
            row(one.name, [results[n].get(one.name) for n in names], width, out)
        if len(chosen) > 1:
            means = []
            for n in names:
                values = [results[n].get(one.name) for one in chosen]
                means.append(None if None in values else sum(values) / len(values))
            row(f"**{title}**", means, width, out)


def row(name, values, width, out):
    cells = ["-" if v is None else f"{v:.3f}" for v in values]
    print("| " + name.ljust(width) + " | " + " | ".join(f"{c:>12}" for c in cells) + " |", file=out)


def parse(argv):
    shared = Path(os.environ.get("EMBEDTOOL_SHARED", REPO.parent / "shared"))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-m", "--model", action="append", default=[], help="model (repeatable)")
    parser.add_argument("--binary", default=str(REPO / "build/release/embedtool"))
    parser.add_argument("--data", type=Path, default=shared / "data")
    parser.add_argument("--only", help="regular expression: sets to measure")
    parser.add_argument("--no-baselines", action="store_true")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    args, extra = parser.parse_known_args(argv)  # unknown flags (--dims, --dtype, …) go to encode
    args.extra = extra
    return args


def main(argv=None):
    args = parse(argv)
    if not args.data.is_dir():
        sys.exit(f"{args.data}: no such folder; give --data or set EMBEDTOOL_SHARED")
    sets = load_sets(args.data, args.only)
    results = {}
    if not args.no_baselines:
        glove = Glove(args.data / "weights/glove_twitter_25d_12k.txt.zst")
        figures = {one.name: one.baselines(glove) for one in sets}
        for name in BASELINES:
            results[name] = {s: f[name] for s, f in figures.items() if name in f}
    short = [Path(model).name for model in args.model]
    for model, name in zip(args.model, short):
        start = time.time()
        results[name if short.count(name) == 1 else model] = evaluate(Binary(args.binary, model, args.extra).encode, sets)
        print(f"{model}: {time.time() - start:.1f} s", file=sys.stderr)
    print_table(sets, results)
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
