#!/usr/bin/env python3
"""Keeps a table of a SQLite file up to date with an output, by its feed of changes.

usage: sqlite_changes.py FILE.db OUT CHANGES.parquet     (pip install pyarrow)

The table "docs" holds ids and vectors as bytes of f32, as sqlite-vec takes them. It is made where it
is missing; the feed of a first night fills it. All of a feed is applied, or nothing."""
import sqlite3
import sys

import pyarrow.parquet as parquet

path, out, feed = sys.argv[1:4]
db = sqlite3.connect(path)
db.execute("CREATE TABLE IF NOT EXISTS docs (id TEXT NOT NULL, embedding BLOB NOT NULL)")
db.execute("CREATE INDEX IF NOT EXISTS docs_id ON docs (id)")
changes = parquet.read_table(feed).to_pylist()
with db:
    db.executemany("DELETE FROM docs WHERE id = ?",
                   [(c["id"],) for c in changes if c["op"] in ("delete", "update")])
    wanted = {}
    for change in changes:
        if change["op"] != "delete":
            wanted.setdefault(change["shard"], []).append(change["row"])
    for shard, rows in wanted.items():
        table = parquet.read_table(f"{out}/{shard}", columns=["id", "embedding"]).take(rows)
        vectors = table["embedding"].combine_chunks()
        values = vectors.flatten().to_numpy().astype("<f4").reshape(len(table), -1)
        db.executemany("INSERT INTO docs VALUES (?, ?)",
                       zip(table["id"].to_pylist(), (row.tobytes() for row in values)))
print(db.execute("SELECT count(*) FROM docs").fetchone()[0], "rows")
