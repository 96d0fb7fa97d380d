#!/usr/bin/env python3
"""What cutting long documents into chunks costs.

usage: bench/chunks.py BUILD WORK [--model minilm] [--megabytes N] [--rounds N] [--large MB] [--output FILE]

BUILD is a build directory; WORK takes a model and corpora, which are made where they are missing
(seeded random weights, documents of random words in sentences and paragraphs). Measures

* tokens per second of a run that cuts documents, beside one over the same chunks given as records
  (medians over the rounds, in turn, so that what else runs disturbs both alike), and the share of the
  CPU time that cutting takes, by the report;
* bytes per second of cutting alone, by rule: `embedtool tokenize` with and without --on-long chunk;
* the memory of a run over one document of --large megabytes, under --max-line.
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


def sentences(generator, words):
    """Endless text: sentences of 4 to 30 words, a paragraph every few of them."""
    while True:
        for _ in range(generator.randint(2, 8)):
            picked = generator.choices(words, k=generator.randint(4, 30))
            yield picked[0].capitalize() + " " + " ".join(picked[1:]) + generator.choice(".....?!") + " "
        yield "\n\n"


def make_corpus(path, megabytes, document):
    """Documents of about `document` bytes, `megabytes` in all."""
    if path.exists():
        return path
    generator = random.Random(megabytes)
    words = ["".join(generator.choices("bdfgklmnprstaeiou", k=generator.choice((2, 4, 6, 9))))
             for _ in range(8000)]
    source = sentences(generator, words)
    with path.open("w", encoding="utf-8") as file:
        left, number = megabytes * 1_000_000, 0
        while left > 0:
            text, size = [], 0
            while size < min(document, left):
                text.append(next(source))
                size += len(text[-1])
            file.write(json.dumps({"id": str(number), "text": "".join(text)}) + "\n")
            left, number = left - size, number + 1
    return path


def encode(build, work, model, corpus, *arguments):
    out = work / "chunks_out"
    shutil.rmtree(out, ignore_errors=True)
    command = [build / "embedtool", "encode", corpus, "-m", model, "-o", out, "-q", *arguments]
    subprocess.run(command, check=True)
    return json.loads((out / "report.json").read_text())


def records_of_chunks(build, work, corpus, chunks):
    """The chunks of a corpus as records, by `embedtool tokenize`."""
    path = work / f"{corpus.stem}_records.jsonl"
    if path.exists():
        return path
    lines = subprocess.run([build / "embedtool", "tokenize", corpus, *chunks, "--chunk-text"],
                           stdout=subprocess.PIPE, check=True).stdout
    with path.open("w", encoding="utf-8") as file:
        for line in lines.splitlines():
            row = json.loads(line)
            file.write(json.dumps({"id": row["id"], "text": row["text"]}) + "\n")
    return path


def compare(build, work, model, corpus, chunks, rounds):
    records = records_of_chunks(build, work, corpus, ["-m", str(model), *chunks])
    cut, given, share = [], [], []
    for _ in range(rounds):
        report = encode(build, work, model, corpus, *chunks)
        stages = report["stages"]
        cut.append(report["tokens_per_second"])
        share.append(stages["chunk"]["cpu_ms"] / report["cpu_ms"])
        given.append(encode(build, work, model, records)["tokens_per_second"])
    row = {"what": "tokens per second", "cut": statistics.median(cut),
           "as_records": statistics.median(given),
           "ratio": statistics.median(a / b for a, b in zip(cut, given)),
           "cutting_share_of_cpu": statistics.median(share), "rounds": rounds}
    print(f"cut {row['cut']:.0f} tokens/s, as records {row['as_records']:.0f}: "
          f"{row['ratio']:.3f}; cutting takes {100 * row['cutting_share_of_cpu']:.2f} % of the CPU time",
          flush=True)
    return row


def rate(build, model, corpus, arguments):
    begin = time.monotonic()
    subprocess.run([build / "embedtool", "tokenize", corpus, "-m", model, *arguments],
                   stdout=subprocess.DEVNULL, check=True)
    return corpus.stat().st_size / (time.monotonic() - begin) / 1e6


def rules(build, model, corpus, rounds):
    rows = []
    runs = {"whole": ["--max-length", "0"]}
    for by in ("token", "sentence", "paragraph"):
        runs[by] = ["--chunk-tokens", "256", "--chunk-by", by]
    runs["sentence, overlap 20%"] = [*runs["sentence"], "--chunk-overlap", "20%"]
    for name, arguments in runs.items():
        speed = statistics.median(rate(build, model, corpus, arguments) for _ in range(rounds))
        rows.append({"what": f"tokenize, by {name}", "megabytes_per_second": speed})
        print(f"tokenize, {name:24} {speed:7.1f} MB/s", flush=True)
    return rows


def large(build, work, megabytes):
    """Memory of a static model's run over one document, which is bounded by the document."""
    corpus = make_corpus(work / f"chunks_large_{megabytes}.jsonl", megabytes, megabytes * 1_000_000)
    report = encode(build, work, "builtin-fast", corpus, "--chunk-tokens", "256", "--max-line",
                    f"{megabytes + 8}M")
    row = {"what": f"a document of {megabytes} MB", "chunks": report["chunks"]["chunks"],
           "memory_peak_mb": report["memory_peak_mb"], "seconds": report["total_ms"] / 1e3}
    print(f"{row['what']}: {row['chunks']} chunks, {row['memory_peak_mb']:.0f} MB at the peak, "
          f"{row['seconds']:.1f} s", flush=True)
    return row


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--megabytes", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", type=int, default=100)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    name = options.model
    model = name if name.startswith("builtin") else e2e.make_model(options.work, name)
    corpus = make_corpus(options.work / f"chunks_{options.megabytes}.jsonl", options.megabytes, 60_000)
    rows = [compare(options.build, options.work, model, corpus, ["--chunk-tokens", "256"],
                    options.rounds)]
    rows += rules(options.build, str(model), corpus, options.rounds)
    if options.large > 0:
        rows.append(large(options.build, options.work, options.large))
    if options.output:
        options.output.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
