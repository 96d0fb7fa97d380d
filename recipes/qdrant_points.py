"""qdrant_points.py OUT ID: the ten nearest rows of row ID, by Qdrant (in memory; QDRANT_URL: a server).

Qdrant's ids are numbers or UUIDs: here a UUID made of the row's id, which goes into the payload."""
import os
import sys
import uuid

import pyarrow.parquet as pq
from qdrant_client import QdrantClient, models

out, wanted = sys.argv[1:]
url = os.environ.get("QDRANT_URL")
client = QdrantClient(url=url) if url else QdrantClient(":memory:")
table = pq.read_table(f"{out}/data", columns=["id", "embedding"])
dims = table.schema.field("embedding").type.list_size


def point_id(id):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, id))


client.create_collection("rows", vectors_config=models.VectorParams(size=dims, distance=models.Distance.COSINE))
for batch in table.to_batches(max_chunksize=1000):
    ids = batch["id"].to_pylist()
    vectors = batch["embedding"].flatten().to_numpy().reshape(-1, dims)
    client.upsert("rows", models.Batch(ids=[point_id(id) for id in ids], vectors=vectors.tolist(),
                                       payloads=[{"id": id} for id in ids]))
query = client.retrieve("rows", [point_id(wanted)], with_vectors=True)[0].vector
for point in client.query_points("rows", query=query, limit=10).points:
    print(f"{point.payload['id']}\t{point.score:.6f}")
