#!/usr/bin/env python3
"""Keeps a table of PostgreSQL with pgvector up to date with an output, by its feed of changes.

usage: pgvector_changes.py TABLE OUT CHANGES.parquet     (pip install pyarrow; needs psql)

psql's own variables (PGHOST, PGDATABASE, …) say which server. The table holds ids and vectors and is
made where it is missing; the feed of a first night fills it. All of a feed is applied, or nothing."""
import subprocess
import sys

import pyarrow.parquet as parquet

name, out, feed = sys.argv[1:4]
changes = parquet.read_table(feed).to_pylist()
dims = parquet.read_schema(f"{out}/data/part-00000.parquet").field("embedding").type.list_size
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

psql = subprocess.Popen(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1"], stdin=subprocess.PIPE, text=True)


def copy(into, rows):
    """Rows of text columns, as COPY reads them."""
    psql.stdin.write(f"COPY {into} FROM STDIN;\n")
    for row in rows:
        psql.stdin.write("\t".join(column.translate(ESCAPES) for column in row) + "\n")
    psql.stdin.write("\\.\n")


def new_rows():
    wanted = {}
    for change in changes:
        if change["op"] != "delete":
            wanted.setdefault(change["shard"], []).append(change["row"])
    for shard, rows in wanted.items():
        table = parquet.read_table(f"{out}/{shard}", columns=["id", "embedding"]).take(rows)
        values = table["embedding"].combine_chunks().flatten().to_numpy().reshape(-1, dims)
        for id, vector in zip(table["id"].to_pylist(), values):
            yield id, "[" + ",".join(map(str, vector)) + "]"


psql.stdin.write(f"""SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vector;
BEGIN;
CREATE TABLE IF NOT EXISTS {name} (id text NOT NULL, embedding vector({dims}) NOT NULL);
CREATE INDEX IF NOT EXISTS {name}_id ON {name} (id);
CREATE TEMPORARY TABLE gone (id text);
""")
copy("gone", ((c["id"],) for c in changes if c["op"] in ("delete", "update")))
psql.stdin.write(f"DELETE FROM {name} USING gone WHERE {name}.id = gone.id;\n")
copy(f"{name} (id, embedding)", new_rows())
psql.stdin.write(f"COMMIT;\nSELECT count(*) || ' rows' FROM {name};\n")
psql.stdin.close()
sys.exit(psql.wait())
