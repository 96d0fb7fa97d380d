"""usearch_index.py OUT ID: the ten nearest rows of row ID, by USearch (HNSW)."""
import json
import os
import subprocess
import sys

import numpy as np
from usearch.index import Index

out, wanted = sys.argv[1:]
embedtool = os.environ.get("EMBEDTOOL", "embedtool")
subprocess.run([embedtool, "export", out, "--to", "npy", "-o", "out.npy", "--overwrite", "-q"], check=True)
vectors = np.load("out.npy", mmap_mode="r")
with open("out.ids.jsonl", encoding="utf-8") as lines:
    ids = [json.loads(line)["id"] for line in lines]
index = Index(ndim=vectors.shape[1], metric="cos", dtype="f32", expansion_search=256)
index.add(np.arange(len(vectors)), vectors)
for match in index.search(vectors[ids.index(wanted)], 10):
    print(f"{ids[match.key]}\t{1 - match.distance:.6f}")
