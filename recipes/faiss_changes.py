#!/usr/bin/env python3
"""Keeps a FAISS index up to date with an output, by its feed of changes.

usage: faiss_changes.py FILE.faiss OUT CHANGES.parquet     (pip install faiss-cpu pyarrow)

The index is an IndexIDMap2 of inner products. FAISS numbers rows by 64 bits, so that an id stands for
itself where it is a number, and else for a hash of it. The file is made where it is missing; the feed
of a first night fills it. It is replaced when all of a feed has been applied."""
import hashlib
import os
import sys

import faiss
import numpy
import pyarrow.parquet as parquet


def number_of(text):
    """The 64-bit number of an id."""
    if text.isdecimal() and len(text) < 19:
        return int(text)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


path, out, feed = sys.argv[1:4]
changes = parquet.read_table(feed).to_pylist()
index = faiss.read_index(path) if os.path.exists(path) else None
gone = [number_of(c["id"]) for c in changes if c["op"] in ("delete", "update")]
if gone and index is not None:
    index.remove_ids(numpy.array(gone, dtype="int64"))
wanted = {}
for change in changes:
    if change["op"] != "delete":
        wanted.setdefault(change["shard"], []).append(change["row"])
for shard, rows in wanted.items():
    table = parquet.read_table(f"{out}/{shard}", columns=["id", "embedding"]).take(rows)
    values = table["embedding"].combine_chunks().flatten().to_numpy().astype("float32")
    vectors = numpy.ascontiguousarray(values.reshape(len(table), -1))
    if index is None:
        index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
    index.add_with_ids(vectors, numpy.array([number_of(i) for i in table["id"].to_pylist()], dtype="int64"))
if index is not None:
    faiss.write_index(index, path + ".new")
    os.replace(path + ".new", path)
    print(index.ntotal, "rows")
