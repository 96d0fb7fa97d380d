"""Tokenised training data: built once per tokenizer, kept as flat arrays, served as batches of pairs.

A store is `texts` laid end to end in one uint16 array with offsets. Every source keeps a small part
out of training; temperatures, learning rates and mixtures are chosen on that part alone.
"""
from pathlib import Path

import numpy as np
import sentencepiece

import sources
from tokens import Texts

MAX_STORED = 384  # tokens kept of one text; documents for crops are kept whole
HELD_OUT = 0.02


class Corpus:
    """All sources of one tokenizer: `pairs[source] = (left, right)`, `docs` for crops."""

    def __init__(self, arrays):
        def texts(name):
            return Texts(arrays[name + ".flat"], arrays[name + ".offsets"])
        names = sorted({key.split("/")[0] for key in arrays if "/" in key})
        self.pairs = {name: (texts(name + "/left"), texts(name + "/right")) for name in names}
        self.docs = texts("docs")
        self.counts = arrays["counts"]

    @classmethod
    def build(cls, data, model_file, cache):
        """Reads the cache, or tokenises everything and writes it (minutes)."""
        cache = Path(cache)
        if cache.exists():
            with np.load(cache) as stored:
                return cls({key: stored[key] for key in stored.files})
        processor = sentencepiece.SentencePieceProcessor(model_file=str(model_file))
        by_source = {}
        for source, left, right in sources.pairs(data):
            by_source.setdefault(source, ([], []))
            by_source[source][0].append(left[:4000])
            by_source[source][1].append(right[:4000])
        arrays = {}
        rng = np.random.default_rng(7)
        for source, sides in by_source.items():
            order = rng.permutation(len(sides[0]))
            for side, texts in zip(("left", "right"), sides):
                ids = processor.encode([texts[i] for i in order], num_threads=2)
                put(arrays, f"{source}/{side}", Texts.of(ids, MAX_STORED))
        texts = [text for _, text in sources.documents(data)]
        texts = [texts[i] for i in rng.permutation(len(texts))]
        put(arrays, "docs", Texts.of(processor.encode(texts, num_threads=2)))
        counts = np.zeros(processor.get_piece_size(), dtype=np.int64)
        for key, flat in arrays.items():
            if key.endswith(".flat"):
                counts += np.bincount(flat, minlength=len(counts))
        arrays["counts"] = counts
        temporary = cache.with_suffix(".tmp.npz")
        np.savez(temporary, **arrays)
        temporary.rename(cache)
        return cls(arrays)

    def split(self, source, held_out):
        """Row numbers of a source that are trained on, or those kept out."""
        count = len(self.docs) if source in CROPS else len(self.pairs[source][0])
        kept = min(int(count * HELD_OUT) + 1, 1000)
        return np.arange(count - kept, count) if held_out else np.arange(count - kept)


def put(arrays, name, texts):
    arrays[name + ".flat"], arrays[name + ".offsets"] = texts.flat, texts.offsets


# ------------------------------------------------------------------------------------------ pairs
def window(ids, rng, low, high):
    """A random run of low..high tokens (the whole text where it is shorter)."""
    size = int(rng.integers(low, high + 1))
    if len(ids) <= size:
        return ids
    start = int(rng.integers(0, len(ids) - size + 1))
    return ids[start:start + size]


def thinned(ids, rng, share):
    """The text with a share of its tokens dropped; never empty."""
    kept = ids[rng.random(len(ids)) >= share]
    return kept if len(kept) else ids[:1]


def crop_query(doc, rng, limit):
    """A short and a long run of one document, drawn independently: question and passage."""
    place = window(doc, rng, 300, 500)
    return thinned(window(place, rng, 4, 24), rng, 0.1), window(place, rng, limit // 3, limit)


def crop_peer(doc, rng, limit):
    """Two runs of similar length of one document."""
    place = window(doc, rng, 100, 300)
    return window(place, rng, 16, limit), window(place, rng, 16, limit)


def crop_same(doc, rng, _):
    """One sentence-sized run twice, each time with other words missing."""
    place = window(doc, rng, 6, 32)
    return thinned(place, rng, 0.3), thinned(place, rng, 0.3)


CROPS = {"crop_query": crop_query, "crop_peer": crop_peer, "crop_same": crop_same}


def draw(corpus, source, size, rng, limit, held_out=False):
    """`size` pairs of one source: two lists of id arrays, none empty."""
    rows = corpus.split(source, held_out)
    rows = rows[rng.integers(0, len(rows), size)] if not held_out else rows[:size]
    left, right = [], []
    for i in rows:
        if source in CROPS:
            a, b = CROPS[source](corpus.docs[i], rng, limit)
        else:
            a, b = corpus.pairs[source][0][i], corpus.pairs[source][1][i]
            if len(a) > limit:
                a = window(a, rng, limit, limit)
            if len(b) > limit:
                b = window(b, rng, limit, limit)
        if len(a) and len(b):
            left.append(a)
            right.append(b)
    return left, right
