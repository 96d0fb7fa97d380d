"""What the recipes have made of last night's and tonight's feed is tonight's output:
check_recipes.py NEW FILE.duckdb FILE.sqlite FILE.faiss"""
import sqlite3
import sys

import duckdb
import faiss
import numpy

new, duck, lite, ivf = sys.argv[1:5]
rows = duckdb.sql(f"SELECT id, embedding FROM '{new}/data/*.parquet'").fetchall()
wanted = sorted((i, numpy.array(v, dtype='<f4').tobytes()) for i, v in rows)
db = duckdb.connect(duck)
assert not db.execute(f"SELECT * FROM docs EXCEPT ALL SELECT * FROM '{new}/data/*.parquet'").fetchall()
assert db.execute('SELECT count(*) FROM docs').fetchone()[0] == len(rows)
assert sorted(sqlite3.connect(lite).execute('SELECT id, embedding FROM docs')) == wanted
index = faiss.read_index(ivf)
held = faiss.vector_to_array(faiss.downcast_index(index.index).codes).view('<f4').reshape(index.ntotal, -1)
assert sorted(row.tobytes() for row in held) == sorted(v for _, v in wanted)
print(len(rows), 'rows, by three recipes')
