"""Texts as token ids, made on every core, flat in memory and cached on disk."""
import functools
import json
import multiprocessing
import os

import numpy as np
import sentencepiece

CHUNK = 20000  # texts of one task


class Texts:
    """Token sequences laid end to end: `flat` uint16, `offsets` int64 [N + 1]."""

    def __init__(self, flat, offsets):
        self.flat, self.offsets = flat, offsets

    def __len__(self):
        return len(self.offsets) - 1

    def __getitem__(self, i):
        return self.flat[self.offsets[i]:self.offsets[i + 1]]

    def first(self, count):
        count = min(count, len(self))
        return Texts(self.flat[:self.offsets[count]], self.offsets[:count + 1])

    def lengths(self):
        return np.diff(self.offsets)

    @classmethod
    def of(cls, sequences, limit=None):
        sequences = [np.asarray(s[:limit], dtype=np.uint16) for s in sequences]
        offsets = np.zeros(len(sequences) + 1, dtype=np.int64)
        np.cumsum([len(s) for s in sequences], out=offsets[1:])
        flat = np.concatenate(sequences) if sequences else np.zeros(0, dtype=np.uint16)
        return cls(flat, offsets)

    @classmethod
    def joined(cls, parts):
        sizes = np.concatenate([np.diff(part.offsets) for part in parts])
        offsets = np.zeros(len(sizes) + 1, dtype=np.int64)
        np.cumsum(sizes, out=offsets[1:])
        return cls(np.concatenate([part.flat for part in parts]), offsets)


@functools.lru_cache(maxsize=1)
def pieces(file):
    return sentencepiece.SentencePieceProcessor(model_file=file)


@functools.lru_cache(maxsize=1)
def word_pieces(file):
    import tokenizers
    tokenizer = tokenizers.Tokenizer.from_file(file)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def encoded(task):
    """One task of `encode`: (tokenizer file, texts, longest) -> Texts."""
    file, texts, longest = task
    if file.endswith(".model"):
        return Texts.of(pieces(file).encode(texts), longest)
    rows = word_pieces(file).encode_batch_fast(texts, add_special_tokens=False)
    return Texts.of([row.ids for row in rows], longest)


def encode(file, texts, longest, threads):
    """Ids of all texts without special tokens, at most `longest` each.

    `file` is a sentencepiece .model or a tokenizer.json.
    """
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the processes below share the cores
    tasks = [(str(file), texts[i:i + CHUNK], longest) for i in range(0, len(texts), CHUNK)]
    if threads == 1 or len(tasks) == 1:
        return Texts.joined([encoded(task) for task in tasks])
    with multiprocessing.get_context("fork").Pool(threads) as pool:
        return Texts.joined(pool.map(encoded, tasks, chunksize=1))


def cached(cache, file, texts, longest, threads):
    """`encode`, kept in `cache`."""
    if not cache.exists():
        made = encode(file, texts, longest, threads)
        with open(cache.with_suffix(".tmp"), "wb") as stream:
            np.savez(stream, flat=made.flat, offsets=made.offsets)
        cache.with_suffix(".tmp").rename(cache)
    with np.load(cache) as arrays:
        return Texts(arrays["flat"], arrays["offsets"])


def translation(source, target):
    """Array that maps ids of one tokenizer.json to those of another; None where they segment differently.

    Two tokenizers segment alike when their rules are the same and the second knows the first's words.
    """
    first, second = (json.loads(open(file, encoding="utf-8").read()) for file in (source, target))
    if any(first[key] != second[key] for key in ("normalizer", "pre_tokenizer")):
        return None
    vocab, other = first["model"]["vocab"], second["model"]["vocab"]
    if not isinstance(vocab, dict) or any(word not in other for word in vocab):
        return None
    out = np.zeros(max(vocab.values()) + 1, dtype=np.uint16)
    for word, number in vocab.items():
        out[number] = other[word]
    out[vocab[first["model"]["unk_token"]]] = other[second["model"]["unk_token"]]
    return out
