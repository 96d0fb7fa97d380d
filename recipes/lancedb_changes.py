#!/usr/bin/env python3
"""Keeps a LanceDB table up to date with an output, by its feed of changes.

usage: lancedb_changes.py FOLDER OUT CHANGES.parquet     (pip install lancedb pyarrow)

The table "docs" has the columns of the shards and is made where it is missing; the feed of a first
night fills it. Rows that go and rows that come are two versions of the table: until the second is
there, readers may keep to the version before."""
import sys

import lancedb
import pyarrow as arrow
import pyarrow.parquet as parquet

path, out, feed = sys.argv[1:4]
db = lancedb.connect(path)
changes = parquet.read_table(feed).to_pylist()
try:
    docs = db.open_table("docs")
except (FileNotFoundError, ValueError):
    docs = db.create_table("docs", schema=parquet.read_table(f"{out}/data").schema.remove_metadata())
gone = [c["id"].replace("'", "''") for c in changes if c["op"] in ("delete", "update")]
for start in range(0, len(gone), 1000):
    docs.delete("id IN ('" + "', '".join(gone[start:start + 1000]) + "')")
wanted = {}
for change in changes:
    if change["op"] != "delete":
        wanted.setdefault(change["shard"], []).append(change["row"])
if wanted:
    docs.add(arrow.concat_tables(
        [parquet.read_table(f"{out}/{shard}").take(rows) for shard, rows in wanted.items()]))
print(docs.count_rows(), "rows")
