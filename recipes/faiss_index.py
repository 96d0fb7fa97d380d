"""faiss_index.py OUT ID: the ten nearest rows of row ID, by FAISS."""
import os
import subprocess
import sys

import faiss
import pyarrow.parquet as pq

out, wanted = sys.argv[1:]
embedtool = os.environ.get("EMBEDTOOL", "embedtool")
subprocess.run([embedtool, "export", out, "--to", "faiss", "-o", "out.faiss", "--overwrite", "-q"], check=True)
index = faiss.read_index("out.faiss")
# The index knows rows by their number; the shards, in the order of their names, have the ids.
ids = pq.read_table(f"{out}/data", columns=["id"])["id"].to_pylist()
query = index.reconstruct(ids.index(wanted))
scores, rows = index.search(query[None, :], 10)
for score, row in zip(scores[0], rows[0]):
    print(f"{ids[row]}\t{score:.6f}")
