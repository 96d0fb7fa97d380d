#!/usr/bin/env python3
"""Keeps a table of a DuckDB file up to date with an output, by its feed of changes.

usage: duckdb_changes.py FILE.db OUT CHANGES.parquet     (pip install duckdb)

The table "docs" has the columns of the shards and is made where it is missing; the feed of a first
night fills it. All of a feed is applied, or nothing."""
import sys

import duckdb

path, out, feed = sys.argv[1:4]
db = duckdb.connect(path)
shards = f"read_parquet('{out}/data/*.parquet', file_row_number=true, filename=true)"
db.execute("BEGIN")
db.execute(f"CREATE TABLE IF NOT EXISTS docs AS FROM '{out}/data/*.parquet' LIMIT 0")
db.execute(f"DELETE FROM docs WHERE id IN (SELECT id FROM '{feed}' WHERE op IN ('delete', 'update'))")
db.execute(f"""INSERT INTO docs BY NAME SELECT new.* EXCLUDE (file_row_number, filename)
    FROM '{feed}' AS feed JOIN {shards} AS new
    ON new.filename = '{out}/' || feed.shard AND new.file_row_number = feed.row""")
db.execute("COMMIT")
print(db.execute("SELECT count(*) FROM docs").fetchone()[0], "rows")
