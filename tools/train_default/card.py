#!/usr/bin/env python3
"""Writes a model folder's README.md: what it is, what it was trained on, what it scores.

    tools/evaluate.py -m builtin -m builtin-fast -m TEACHER --json figures.json
    tools/evaluate.py -m builtin --no-baselines --dims 128 --json d128.json
    tools/train_default/card.py formats/model/builtin/builtin figures.json --dims\\ 128=d128.json

A teacher that the figures hold gets a column of its own.
"""
import json
import sys
import textwrap
from pathlib import Path

from sources import LICENCES

LANGUAGES = ("de", "es", "fr", "it", "ja", "nl", "pl", "pt", "ru", "zh")
BITS = {"f32": 32, "f16": 16, "int8": 8, "binary": 1}
TEACHERS = {
    "all-MiniLM-L6-v2": "all-MiniLM-L6-v2 (sentence-transformers, Apache-2.0)",
    "all-mpnet-base-v2": "all-mpnet-base-v2 (sentence-transformers, Apache-2.0)",
}
TABLE = """---
language: en
license: cc-by-sa-4.0
library_name: model2vec
tags: [static-embeddings, sentence-similarity, retrieval]
---
# {name}

A static embedding model: one trained {dims}-dimensional vector per piece of a vocabulary of
{vocab} pieces; a text's vector is the mean of its pieces' rows `weights[t] * embeddings[t]`, then
L2-normalised. English first; other languages only as far as their words resemble. No network is run,
so word order has no effect, and a long text costs no more per token than a short one.

* **Files**: `model.safetensors` (`embeddings` int8 [{vocab}, {dims}], `weights` f32 [{vocab}]),
  `tokenizer.model` (sentencepiece unigram, NFKC and case folding, byte fallback) and the same
  tokenizer as `tokenizer.json`. The layout is model2vec's, which loads it as it is.
  sentence-transformers needs the product of both tensors, which `bag.py` makes:
  `SentenceTransformer(FOLDER, trust_remote_code=True)`.
* **Tokens**: no special tokens are added; no text maps to `<unk>`.
* **Empty text**: has no pieces. Its vector is row 0 (`<unk>`, which no text reaches, so that it is
  near to nothing); `empty_text_token_id` in config.json says so. model2vec gives zeros there.
* **Matryoshka**: the first {prefixes} dimensions, normalised again, are vectors of their own.
"""
TRANSFORMER = """---
language: en
license: cc-by-sa-4.0
library_name: sentence-transformers
tags: [sentence-similarity, retrieval]
---
# {name}

A BERT of {layers} layers, {hidden} wide, with {vocab} pieces; a text's vector is the mean of its tokens'
states, mapped to {dims} dimensions and L2-normalised. English first; other languages only as far as
their words resemble.

* **Files**: a sentence-transformers folder in f16, which that library loads as it is; the tokenizer
  (unigram, NFKC and case folding, byte fallback) is `tokenizer.json`.
* **Tokens**: `<s>` comes before each text; no text maps to `<unk>`. Texts are cut at 512 tokens.
* **Matryoshka**: the first {prefixes} dimensions, normalised again, are vectors of their own.
"""
CONTRASTIVE = """
## Training
In-batch contrastive (InfoNCE both ways, batch {batch}, temperature {temperature}, {steps} steps of
Adam at {rate}, cosine decay, mean of the last fifth of the weights) at {dims} dimensions and in turn
{prefixes}; rows quantized by row afterwards (figures moved by 0.003 at most).
`tools/train_default/train.py --model {name}` reruns it. Settings were chosen on pairs kept out of
training.
"""
DISTILLED = """Started from a bag that was trained contrastively on the sources below
(`tools/train_default/train.py`), {how}then trained on targets for {texts:,} of their sentences, passages
and documents, and of made-up sentences from a small grammar. A target joins the vectors of {teachers} with
the bag's own (weight {share}). The loss is the cosine to it, the divergence of the neighbours'
distributions and the error of all cosines within a batch of {batch} texts, at {dims} dimensions and in turn
{prefixes} ({steps} steps, AdamW at {rate}). {blended}Teachers' vectors alone were seen, and no weight of
theirs was copied. `tools/train_default/distill.py` reruns it; tools/train_default/README.md tells what else
was tried."""
FIGURES = """
## Figures
Scored by `tools/evaluate.py`, beside BM25 (k1 0.9, b 0.4, no stemmer), word overlap (Dice) and
averaged 25-d GloVe vectors{teachers}.

"""
TRAINED = """
## Sources
The model is trained on these texts and on no others; no similarity scores, retrieval queries or
judgements were used. Documents of the retrieval collections (Cranfield, CACM, ADI, SciFact, arXiv,
XQuAD) served as unlabelled running text, so their figures are those of a model that has seen the
collection, as a user's own index would be, but no question about it.

| source | taken | licence |
|---|---|---|
"""
SMALLER = """
## Smaller vectors
What `embedtool encode`'s flags cost: means over the same sets.

| vectors | bytes | similarity, English | retrieval, English |
|---|---:|---:|---:|
"""
BAG_LIMIT = """* A bag of pieces: "dog bites man" and "man bites dog" are the same text to it; negation barely counts.
"""
LIMITS = """
## Limits
* Two thirds of the text were arXiv abstracts: scientific English is served best, chat, code and slang
  worst.
{bag}* Other languages share the table only through pieces in common and a few thousand translated
  sentences: expect lexical matching within a language and little across.
* Trained on public text as it is, with the biases of that text.
"""


def english(name):
    return not any(name.startswith((f"stsb-{x}-", f"xquad-{x}")) for x in LANGUAGES + ("ar", "hi", "ro", "tr")) \
        and not name.startswith(("jsts", "korsts"))


def groups(figures, model):
    """(title, sets): similarity and retrieval, English and other."""
    sets = list(figures[model])
    retrieval = set(figures["BM25"])
    return (("Similarity, English (Spearman)", [s for s in sets if s not in retrieval and english(s)]),
            ("Retrieval, English (nDCG@10)", [s for s in sets if s in retrieval and english(s)]),
            ("Similarity, other languages", [s for s in sets if s not in retrieval and not english(s)]),
            ("Retrieval, other languages", [s for s in sets if s in retrieval and not english(s)]))


def table(figures, model):
    """Markdown: every set, the baselines, the teachers and the model; means per group."""
    names = ["BM25", "overlap", "GloVe"] + [n for n in TEACHERS if n in figures] + [model]
    out = [f"| set | {' | '.join(names)} |", "|---|" + "---:|" * len(names)]
    for title, members in groups(figures, model):
        if members:
            means = {n: [figures[n][s] for s in members if s in figures[n]] for n in names}
            cells = [f"{sum(v) / len(v):.3f}" if len(v) == len(members) else "" for v in means.values()]
            out.append(f"| **{title}, mean of {len(members)}** | {' | '.join(cells)} |")
            for s in members:
                cells = [f"{figures[n][s]:.3f}" if s in figures[n] else "" for n in names]
                out.append(f"| {s} | {' | '.join(cells)} |")
    return "\n".join(out) + "\n"


def behind(figures, model):
    """A sentence naming the sets where plain word overlap does better."""
    worse = [s for s, value in figures[model].items() if value < figures["overlap"][s]]
    return f"\nPlain word overlap does better on: {', '.join(worse)}.\n" if worse else ""


def row_bytes(flags, dims):
    """Bytes of a row under encode's `flags`: "--dims 128", "--dtype int8", ""."""
    words = flags.split()
    given = dict(zip(words[::2], words[1::2]))
    return int(given.get("--dims", dims)) * BITS[given.get("--dtype", "f32")] // 8


def smaller(figures, model, dims, variants):
    """Markdown rows: the vectors as they are, then each (flags, figures) of `variants`."""
    english_sets = [members for _, members in groups(figures, model)[:2]]
    out = ""
    for flags, scored in [("", figures)] + variants:
        means = [sum(scored[model][s] for s in members) / len(members) for members in english_sets]
        label = f"`{flags}`" if flags else f"as they are: {dims} × f32"
        out += f"| {label} | {row_bytes(flags, dims)} | {means[0]:.3f} | {means[1]:.3f} |\n"
    return out


def described(folder, config):
    """The card down to the figures."""
    training = config["training"]
    widths = config["matryoshka_dims"]
    facts = dict(training, name=folder.name, vocab=config["vocab_size"], dims=widths[0],
                 prefixes=" or ".join([", ".join(map(str, widths[1:-1])), str(widths[-1])]))
    if "shape" in training:
        facts.update(training["shape"])
    if "teachers" in training:
        facts["teachers"] = " and ".join(TEACHERS.get(name, name) for name in training["teachers"])
        facts["batch"] = sum(texts for texts, _ in training["buckets"])
        facts["blended"] = ("" if "shape" in training else
                            "The table that is written is {:.0%} of the bag's and the rest of what came out. "
                            .format(training["blend"]))
        facts["how"] = "grown by layers that start as the identity, " if "shape" in training else ""
    text = (TRANSFORMER if "shape" in training else TABLE).format(**facts)
    if "teachers" not in training:
        return text + CONTRASTIVE.format(**facts)
    return text + "\n## Training\n" + textwrap.fill(DISTILLED.format(**facts), 100, break_on_hyphens=False) + "\n"


def main():
    folder, figures_file = Path(sys.argv[1]), Path(sys.argv[2])
    variants = [(flags, json.loads(Path(file).read_text()))
                for flags, file in (argument.split("=", 1) for argument in sys.argv[3:])]
    config = json.loads((folder / "config.json").read_text())
    figures = json.loads(figures_file.read_text())
    dims = config["matryoshka_dims"][0]
    teachers = "".join(f", and {name}" for name in TEACHERS if name in figures)
    text = described(folder, config) + FIGURES.format(teachers=teachers)
    text += table(figures, folder.name) + behind(figures, folder.name)
    if variants:
        text += SMALLER + smaller(figures, folder.name, dims, variants)
    text += TRAINED + "".join(f"| {a} | {b} | {c} |\n" for a, b, c in LICENCES)
    text += LIMITS.format(bag="" if "shape" in config["training"] else BAG_LIMIT)
    (folder / "README.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
