"""sqlite_vec_table.py OUT ID: the ten nearest rows of row ID, by sqlite-vec."""
import json
import os
import subprocess
import sys

import apsw
import numpy as np
import sqlite_vec

out, wanted = sys.argv[1:]
embedtool = os.environ.get("EMBEDTOOL", "embedtool")
subprocess.run([embedtool, "export", out, "--to", "npy", "-o", "out.npy", "--overwrite", "-q"], check=True)
vectors = np.load("out.npy", mmap_mode="r")
with open("out.ids.jsonl", encoding="utf-8") as lines:
    ids = [json.loads(line)["id"] for line in lines]
db = apsw.Connection(":memory:")
db.enable_load_extension(True)
db.load_extension(sqlite_vec.loadable_path())
db.execute("CREATE TABLE names (row INTEGER PRIMARY KEY, id TEXT)")
db.execute(f"CREATE VIRTUAL TABLE rows USING vec0 (embedding FLOAT[{vectors.shape[1]}] distance_metric=cosine)")
with db:
    db.executemany("INSERT INTO names VALUES (?, ?)", enumerate(ids))
    db.executemany("INSERT INTO rows (rowid, embedding) VALUES (?, ?)",
                   ((row, vector.tobytes()) for row, vector in enumerate(vectors)))
query = vectors[ids.index(wanted)].tobytes()
for id, distance in db.execute("""SELECT id, distance FROM rows JOIN names ON row = rowid
                                  WHERE embedding MATCH ? AND k = 10 ORDER BY distance""", (query,)):
    print(f"{id}\t{1 - distance:.6f}")
