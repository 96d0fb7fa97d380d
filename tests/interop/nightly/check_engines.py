"""What the recipes have made of last night's and tonight's feed is tonight's output:
check_engines.py NEW lancedb FOLDER | qdrant FOLDER | bulk LINES… | pgvector TABLE"""
import json
import subprocess
import sys

import numpy
import pyarrow.parquet as parquet

new, engine = sys.argv[1:3]
table = parquet.read_table(f"{new}/data")
dims = table.schema.field("embedding").type.list_size
vectors = table["embedding"].combine_chunks().flatten().to_numpy().reshape(-1, dims)
wanted = dict(zip(table["id"].to_pylist(), vectors))
assert len(wanted) == table.num_rows


def lancedb_rows(folder):
    import lancedb
    docs = lancedb.connect(folder).open_table("docs").to_arrow()
    assert docs.column_names == table.column_names
    return zip(docs["id"].to_pylist(), docs["embedding"].to_pylist())


def qdrant_rows(folder):
    from qdrant_client import QdrantClient
    client = QdrantClient(path=folder)
    points, rest = client.scroll("docs", limit=100000, with_vectors=True)
    assert rest is None
    found = [(point.payload["id"], point.vector) for point in points]
    client.close()
    return found


def bulk_rows(*files):
    docs = {}
    for path in files:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                (action, target), = json.loads(line).items()
                assert target["_index"] == "docs"
                if action == "delete":
                    del docs[target["_id"]]
                else:
                    docs[target["_id"]] = json.loads(next(lines))["embedding"]
    return docs.items()


def pgvector_rows(name):
    query = f"SELECT json_build_object('id', id, 'v', embedding::text) FROM {name}"
    lines = subprocess.run(["psql", "-qAtX", "-c", query], check=True, capture_output=True, text=True)
    rows = [json.loads(line) for line in lines.stdout.splitlines()]
    return [(row["id"], json.loads(row["v"])) for row in rows]


reader = {"lancedb": lancedb_rows, "qdrant": qdrant_rows, "bulk": bulk_rows, "pgvector": pgvector_rows}
rows = list(reader[engine](*sys.argv[3:]))
assert len(rows) == len(wanted), (engine, len(rows), len(wanted))
for id, vector in rows:
    got = numpy.array(vector, dtype="<f4")
    if engine == "qdrant":  # stores unit vectors, which ours are but for the last bit
        assert numpy.allclose(got, wanted[id], atol=2e-7), id
    else:
        assert got.tobytes() == wanted[id].tobytes(), (engine, id)
print(f"{len(rows)} rows, by {engine}")
