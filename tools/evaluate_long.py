#!/usr/bin/env python3
"""What cutting long documents into chunks finds that truncating them does not.

    tools/evaluate_long.py -m all-MiniLM-L6-v2
    tools/evaluate_long.py -m ./my-model --chunk-tokens 128 --json figures.json

Retrieval over long documents with known answers, made of the collections that tools/evaluate.py uses:
Cranfield and CACM with documents joined (the judged one behind others), arXiv abstracts eight to a
document with their titles as queries, and speeches and chapters of novels with sentences of theirs as
queries. Beside BM25 over whole documents: documents truncated at the model's limit; in chunks, where a
document's score is that of its best chunk; late chunks, where the model can have them; and chunks whose
vectors are joined (mean, max). nDCG@10, exact search. A model that reads texts of any length, such as
builtin, needs --max-length. Needs numpy and, for .zst files, the `zstd` program.
"""
import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import evaluate

SENTENCE = re.compile(r"[^.!?]+[.!?]")


class LongSet:
    """Long documents, queries, and for each query the grades of documents by their index."""

    def __init__(self, name, documents, queries, judged):
        self.name, self.documents, self.queries, self.judged = name, documents, queries, judged

    def ndcg(self, scores):
        return evaluate.RetrievalSet.ndcg(self, scores)


def joined(folder, count, seed):
    """Documents of `count` documents each, in random order; a judgement holds for the whole."""
    short = evaluate.RetrievalSet(folder)
    order = list(range(len(short.doc_texts)))
    random.Random(seed).shuffle(order)
    whole = {doc: at // count for at, doc in enumerate(order)}
    documents = ["\n\n".join(short.doc_texts[doc] for doc in order[at:at + count])
                 for at in range(0, len(order), count)]
    judged = []
    for grades in short.judged:
        best = {}
        for doc, grade in grades.items():
            best[whole[doc]] = max(grade, best.get(whole[doc], 0))
        judged.append(best)
    return LongSet(f"{folder.name} x{count}", documents, short.queries, judged)


def speeches(path, seed, queries=300):
    """Queries are sentences of 8 to 30 words that only one document has."""
    documents = [json.loads(line)["text"] for line in evaluate.read_lines(path) if line]
    generator = random.Random(seed)
    picked = []
    while len(picked) < queries:
        doc = generator.randrange(len(documents))
        sentence = " ".join(generator.choice(SENTENCE.findall(documents[doc])).split())
        if 8 <= len(sentence.split()) <= 30:
            picked.append((sentence, {doc: 1.0}))
    return LongSet(path.stem, documents, [q for q, _ in picked], [g for _, g in picked])


def load_sets(data):
    ir = data / "ir"
    return [joined(ir / "cranfield", 2, 1), joined(ir / "cacm", 4, 2),
            joined(ir / "arxiv-title2abs", 8, 3), speeches(data / "corpora/longdocs_en.jsonl", 4)]


def encode(program, model, texts, arguments):
    """Vectors, and for each the index of its text."""
    with tempfile.TemporaryDirectory(prefix="embedtool-long-") as folder:
        source, out = Path(folder) / "texts.jsonl", Path(folder) / "out"
        with source.open("w", encoding="utf-8") as file:
            for i, text in enumerate(texts):
                file.write(json.dumps({"id": str(i), "text": text}) + "\n")
        run = subprocess.run([program, "encode", source, "-m", model, "-o", out, "--to", "npy", "-q",
                              *arguments], stderr=subprocess.PIPE)
        if run.returncode:
            sys.exit(f"{program} failed ({run.returncode}):\n{run.stderr.decode()}")
        rows = [json.loads(line) for line in (out / "ids.jsonl").read_text("utf-8").splitlines()]
        vectors = evaluate.normalized(np.load(out / "embeddings.npy").astype(np.float32))
        return vectors, np.array([int(row.get("doc_id", row["id"])) for row in rows])


def score(queries, vectors, document_of, count):
    """[queries, documents]: the best row of each document."""
    scores = np.full((len(queries), count), -np.inf, dtype=np.float32)
    np.maximum.at(scores.T, document_of, (queries @ vectors.T).T)
    return scores


def limit_of(options):
    return ["--max-length", str(options.max_length)] if options.max_length else []


def methods(options):
    chunks = ["--on-long", "chunk"]
    if options.chunk_tokens:
        chunks = ["--chunk-tokens", str(options.chunk_tokens)]
    runs = {"truncated": [], "chunks": chunks, "overlap 20%": [*chunks, "--chunk-overlap", "20%"],
            "late": [*chunks, "--chunk-pooling", "late"], "joined, mean": [*chunks, "--chunk-join", "mean"],
            "joined, max": [*chunks, "--chunk-join", "max"]}
    if not has_late(options):
        del runs["late"]
    return {name: [*limit_of(options), *arguments] for name, arguments in runs.items()}


def has_late(options):
    """Whether the model is one for late chunks; the program says why not."""
    with tempfile.TemporaryDirectory(prefix="embedtool-long-") as folder:
        source = Path(folder) / "text.txt"
        source.write_text("A text.\n", encoding="utf-8")
        run = subprocess.run([options.program, "encode", source, "-m", options.model, "-o", Path(folder) / "out",
                              "-q", *limit_of(options), "--on-long", "chunk", "--chunk-pooling", "late"],
                             stderr=subprocess.PIPE)
        if run.returncode:
            print(run.stderr.decode().strip(), flush=True)
        return run.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("--program", default=evaluate.REPO / "build/release/embedtool", type=Path)
    parser.add_argument("--data", default=evaluate.REPO.parent / "shared/data", type=Path)
    parser.add_argument("--chunk-tokens", type=int)
    parser.add_argument("--max-length", type=int)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    table, runs = {}, methods(options)
    for one in load_sets(options.data):
        count = len(one.documents)
        row = table[one.name] = {}
        row["BM25"] = one.ndcg(evaluate.bm25([evaluate.words(d) for d in one.documents],
                                             [evaluate.words(q) for q in one.queries]))
        queries, _ = encode(options.program, options.model, one.queries, [])
        for name, arguments in runs.items():
            vectors, document_of = encode(options.program, options.model, one.documents, arguments)
            row[name] = one.ndcg(score(queries, vectors, document_of, count))
            row[name + ", rows"] = len(vectors)
        shown = " ".join(f"{name} {value:.4f}" for name, value in row.items() if "rows" not in name)
        print(f"{one.name} ({count} documents, {len(one.queries)} queries): {shown}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
