"""lancedb_table.py OUT ID: the ten nearest rows of row ID, by LanceDB."""
import sys

import lancedb
import pyarrow.parquet as pq

out, wanted = sys.argv[1:]
table = lancedb.connect("out.lance").create_table("rows", pq.read_table(f"{out}/data"), mode="overwrite")
quoted = wanted.replace("'", "''")
query = table.search().where(f"id = '{quoted}'").limit(1).to_list()[0]["embedding"]
for row in table.search(query).distance_type("cosine").limit(10).to_list():
    print(f"{row['id']}\t{1 - row['_distance']:.6f}")
