#!/usr/bin/env python3
"""Keeps a Qdrant collection up to date with an output, by its feed of changes.

usage: qdrant_changes.py PLACE OUT CHANGES.parquet     (pip install qdrant-client pyarrow)

PLACE is the URL of a server, or a folder for a collection without one. The collection "docs" is made
where it is missing; the feed of a first night fills it. Qdrant's ids are numbers or UUIDs: here a UUID
made of the row's id, which goes into the payload. Of rows that share an id, one is kept."""
import sys
import uuid

import pyarrow.parquet as parquet
from qdrant_client import QdrantClient, models


def point_id(id):
    """The UUID of an id."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, id))


place, out, feed = sys.argv[1:4]
client = QdrantClient(url=place) if "://" in place else QdrantClient(path=place)
changes = parquet.read_table(feed).to_pylist()
dims = parquet.read_schema(f"{out}/data/part-00000.parquet").field("embedding").type.list_size
if not client.collection_exists("docs"):
    client.create_collection("docs", models.VectorParams(size=dims, distance=models.Distance.COSINE))
# Points with the ids of updates are replaced; only what is gone for good has to be deleted.
kept = {c["id"] for c in changes if c["op"] != "delete"}
gone = sorted({c["id"] for c in changes if c["op"] == "delete"} - kept)
for start in range(0, len(gone), 1000):
    client.delete("docs", models.PointIdsList(points=[point_id(id) for id in gone[start:start + 1000]]))
wanted = {}
for change in changes:
    if change["op"] != "delete":
        wanted.setdefault(change["shard"], []).append(change["row"])
for shard, rows in wanted.items():
    table = parquet.read_table(f"{out}/{shard}", columns=["id", "embedding"]).take(rows)
    for batch in table.combine_chunks().to_batches(max_chunksize=1000):
        ids = batch["id"].to_pylist()
        vectors = batch["embedding"].flatten().to_numpy().reshape(-1, dims)
        client.upsert("docs", models.Batch(ids=[point_id(id) for id in ids], vectors=vectors.tolist(),
                                           payloads=[{"id": id} for id in ids]), wait=True)
print(client.count("docs").count, "rows")
client.close()
