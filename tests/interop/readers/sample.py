"""What write_sample wrote, for comparison: the same rows by way of npy and JSON Lines."""
import json

import numpy as np

NAMES = [type + kind for type in ("f32", "f16", "int8", "binary") for kind in ("", "_multi")]


class Expected:
    """One output: ids, kept fields, and the vectors' bytes as stored."""

    def __init__(self, folder, name):
        self.name = name
        self.vectors = np.load(f"{folder}/{name}.npy")
        with open(f"{folder}/{name}.ids.jsonl", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        self.ids = [row["id"] for row in rows]
        self.tokens = [row["n_tokens"] for row in rows]
        self.kept = {key: [row[key] for row in rows] for key in rows[0]
                     if key not in ("id", "n_tokens", "truncated")}
        self.is_multi = name.endswith("_multi")
        self.counts = np.diff(np.load(f"{folder}/{name}.offsets.npy")) if self.is_multi else None

    def check(self, reader, columns):
        """`columns`: name -> list of values; an embedding is nested lists, arrays or bytes."""
        assert list(columns["id"]) == self.ids, (reader, self.name, "ids")
        assert list(columns["n_tokens"]) == self.tokens, (reader, self.name, "n_tokens")
        for key, values in self.kept.items():
            found = [None if is_missing(v) else v for v in columns[key]]
            assert found == values, (reader, self.name, key)
        rows = columns["embedding"]
        if self.is_multi:
            assert [len(row) for row in rows] == list(self.counts), (reader, self.name, "vectors")
            rows = [vector for row in rows for vector in row]
        found = b"".join(as_bytes(row, self.vectors.dtype) for row in rows)
        assert found == self.vectors.tobytes(), (reader, self.name, "values")


def is_missing(value):
    return value is None or type(value).__name__ == "NAType" or (isinstance(value, float) and value != value)


def as_bytes(row, dtype):
    if isinstance(row, (bytes, bytearray)):
        return bytes(row)
    # f16 without a type of its own comes as its two bytes.
    if len(row) and isinstance(row[0], (bytes, bytearray)):
        return b"".join(bytes(value) for value in row)
    return np.asarray(row).astype(dtype).tobytes()


def sparse_rows(folder):
    with open(f"{folder}/sparse.jsonl", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [row["id"] for row in rows], [
        {token: np.float32(weight) for token, weight in row["embedding"].items()} for row in rows]
