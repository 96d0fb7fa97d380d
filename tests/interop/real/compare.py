"""Compares embedtool with the originals on real weights: compare.py BINARY MODELS DATA [options].

The texts come from the development corpora: sentences, paragraphs and long documents in more than
twelve languages, from nothing to some 2,000 tokens, with the oddities that tokenizers trip over.
Prints what it measured; a figure beyond its limit ends it with status 1.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

LANGUAGES = ("en", "de", "es", "ru", "zh", "ar", "hi", "tr", "ro", "el", "th", "vi")
ODD = ("", " ", "\t", "a", ".", "\u200b", "\ufeff", "e\u0301", "\u00e9", "ﬁ ﬂ ﬀ", "I\u0307stanbul ıI",
       "👩‍👩‍👧‍👦🏳️‍🌈", "Ａ１　全角", "नमस्ते", "a\u0000b", "\u202eabc", "x" * 5000, "東京" * 400,
       "https://example.org/a?b=c&d=%20", "[MASK] [SEP] <s> </s>", "don't can't won't",
       "naïve café coöperate", "ß ẞ ſ", "\r\n\r\n", "1,234.56 € £ ¥ ½ ²")

# What is promised: to the original in f32, and of the faster precisions and smaller types to f32.
LIMITS = {"f32 cosine": 0.999999, "f32 largest": 1e-5}


def lines_of(path):
    run = subprocess.run(["zstd", "-dc", path], stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in run.stdout.decode("utf-8").splitlines()]


def texts_of(data, count):
    """`count` texts, always the same ones."""
    corpora = data / "corpora"
    pools = [[r["text"] for r in lines_of(corpora / "tatoeba_sentences.jsonl.zst")],
             [r["text"] for r in lines_of(corpora / "pud_sentences.jsonl.zst")],
             [r["text"] for r in lines_of(corpora / "arxiv_abstracts.jsonl.zst")],
             [r["text"] for r in lines_of(corpora / "ewt_web_docs.jsonl.zst")]]
    paragraphs = lines_of(corpora / "wiki_paragraphs_multi.jsonl.zst")
    for language in LANGUAGES:
        pool = [r["text"] for r in paragraphs if f"-{language}-" in r["id"]]
        if pool:
            pools.append(pool)
    with open(corpora / "longdocs_en.jsonl", encoding="utf-8") as file:
        documents = [json.loads(line)["text"] for line in file]
    random = np.random.default_rng(20)
    pools.append([d[start:start + int(random.integers(500, 9000))]
                  for d in documents for start in range(0, min(len(d), 40000), 9000)])
    texts = list(ODD)
    while len(texts) < count:
        pool = pools[len(texts) % len(pools)]
        texts.append(pool[int(random.integers(len(pool)))])
    return texts[:count]


class Tool:
    """The program, a model and a file of texts."""

    def __init__(self, binary, model, source, work):
        self.binary, self.model, self.source, self.work = binary, model, source, work

    def run(self, *arguments):
        return subprocess.run([self.binary, *map(str, arguments)], check=True, stdout=subprocess.PIPE).stdout

    def ids(self):
        out = self.run("tokenize", self.source, "-m", self.model, "-q")
        return [json.loads(line)["input_ids"] for line in out.splitlines()]

    def encode(self, *flags):
        """Rows in f32, of unit length unless they were binary."""
        out = self.work / "out"
        self.run("encode", self.source, "-m", self.model, "-o", out, "--to", "npy", "--overwrite", "-q", *flags)
        rows = np.concatenate([np.load(part) for part in sorted(out.rglob("*.npy"))])
        if rows.dtype == np.uint8:  # bits
            rows = np.unpackbits(rows, axis=1).astype(np.float32) * 2 - 1
        rows = rows.astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def cosines(a, b):
    return np.einsum("ij,ij->i", a.astype(np.float64), b.astype(np.float64))


class Report:
    def __init__(self):
        self.failed = False

    def say(self, name, value, good=True):
        print(f"  {name:34} {value}{'' if good else '   BEYOND ITS LIMIT'}", flush=True)
        self.failed |= not good


def compare_ids(report, model, texts, tool):
    from tokenizers import Tokenizer
    original = Tokenizer.from_file(str(model / "tokenizer.json"))
    limit = json.loads((model / "sentence_bert_config.json").read_text())["max_seq_length"]
    original.no_padding()
    original.enable_truncation(limit)
    wanted = [encoding.ids for encoding in original.encode_batch(texts)]
    different = [i for i, (a, b) in enumerate(zip(tool.ids(), wanted)) if a != b]
    report.say("ids that differ", f"{len(different)} of {len(texts)} {different[:5] or ''}", not different)


def compare_vectors(report, model, texts, tool):
    from sentence_transformers import SentenceTransformer
    original = SentenceTransformer(str(model), device="cpu")
    wanted = original.encode(texts, batch_size=32, normalize_embeddings=True)
    f32 = tool.encode()
    worst = cosines(f32, wanted).min()
    largest = np.abs(f32 - wanted).max()
    report.say("f32: worst cosine to the original", f"{worst:.8f}", worst >= LIMITS["f32 cosine"])
    report.say("f32: largest difference", f"{largest:.2e}", largest <= LIMITS["f32 largest"])
    return f32


def cut(rows, dims):
    """The first dimensions, of unit length again."""
    rows = rows[:, :dims]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def compare_precisions(report, f32, tool):
    """The faster precisions, the smaller types and fewer dimensions, beside f32. They have no limit of
    their own: what they cost is measured by retrieval (tools/evaluate.py)."""
    short = tool.encode("--max-length", "512")
    for flags, base in ((["--compute", "bf16"], f32), (["--compute", "int8"], f32),
                        (["--compute", "int8", "--max-length", "512"], short),
                        (["--dtype", "f16"], f32), (["--dtype", "int8"], f32), (["--dtype", "binary"], f32),
                        (["--dims", "128"], cut(f32, 128)),
                        (["--dims", "128", "--dtype", "int8"], cut(f32, 128)),
                        (["--dims", "128", "--compute", "int8"], cut(f32, 128))):
        cosine = cosines(tool.encode(*flags), base)
        report.say(" ".join(flags), f"worst {cosine.min():.5f}, 1 % below {np.quantile(cosine, 0.01):.5f}, "
                                    f"mean {cosine.mean():.6f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("models", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--texts", type=int, default=5000)
    parser.add_argument("--models", dest="names", default="all")
    args = parser.parse_args()
    texts = texts_of(args.data, args.texts)
    report = Report()
    with tempfile.TemporaryDirectory(prefix="embedtool-real-") as work:
        source = Path(work) / "texts.jsonl"
        with open(source, "w", encoding="utf-8") as file:
            for text in texts:
                file.write(json.dumps({"text": text}) + "\n")
        for model in sorted(args.models.iterdir()):
            if args.names not in ("all", model.name):
                continue
            print(f"{model.name}, {len(texts)} texts", flush=True)
            tool = Tool(args.binary, model, source, Path(work))
            compare_ids(report, model, texts, tool)
            f32 = compare_vectors(report, model, texts, tool)
            compare_precisions(report, f32, tool)
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
