#!/usr/bin/env python3
"""Lines for OpenSearch's and Elasticsearch's POST /_bulk that apply a feed of changes, on stdout.

usage: opensearch_changes.py INDEX OUT CHANGES.parquet     (pip install pyarrow)

The row's id is the document's, so that an update replaces it; of rows that share an id, one is kept.
The index needs a mapping in which `embedding` is a knn_vector (OpenSearch) or dense_vector
(Elasticsearch). A request should hold some megabytes; an action and its document stay together:

    opensearch_changes.py docs out changes.parquet | split -l 2000 --filter \\
        'curl -sS -H "Content-Type: application/x-ndjson" --data-binary @- "$SERVER/_bulk" | jq -e ".errors | not"'
"""
import json
import sys

import pyarrow.parquet as parquet

index, out, feed = sys.argv[1:4]
changes = parquet.read_table(feed).to_pylist()
own = ("n_tokens", "truncated", "text_hash")
wanted = {}
for change in changes:
    if change["op"] != "delete":
        wanted.setdefault(change["shard"], []).append(change["row"])
for shard, rows in wanted.items():
    table = parquet.read_table(f"{out}/{shard}")
    table = table.select([name for name in table.column_names if name not in own]).take(rows)
    for batch in table.to_batches(max_chunksize=1000):
        for row in batch.to_pylist():
            print(json.dumps({"index": {"_index": index, "_id": row.pop("id")}}))
            print(json.dumps(row, ensure_ascii=False))
# Deletions have no document, so they come last: before them every action takes two lines.
kept = {c["id"] for c in changes if c["op"] != "delete"}
for id in sorted({c["id"] for c in changes if c["op"] == "delete"} - kept):
    print(json.dumps({"delete": {"_index": index, "_id": id}}))
