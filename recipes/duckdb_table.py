"""duckdb_table.py OUT ID: the ten nearest rows of row ID, by DuckDB."""
import sys

import duckdb

out, wanted = sys.argv[1:]
db = duckdb.connect()
shards = f"{out}/data/*.parquet"
dims = db.execute("SELECT len(embedding) FROM read_parquet(?) LIMIT 1", [shards]).fetchone()[0]
db.execute(f"CREATE TABLE rows AS SELECT id, embedding::FLOAT[{dims}] AS embedding FROM read_parquet('{shards}')")
try:
    db.execute("INSTALL vss; LOAD vss; CREATE INDEX nearest ON rows USING HNSW (embedding) WITH (metric = 'cosine')")
except duckdb.Error:
    pass  # without the extension DuckDB compares with every row
query = db.execute("SELECT embedding FROM rows WHERE id = ?", [wanted]).fetchone()[0]
found = db.execute(f"""SELECT id, array_cosine_distance(embedding, ?::FLOAT[{dims}]) AS distance
                       FROM rows ORDER BY distance LIMIT 10""", [query])
for id, distance in found.fetchall():
    print(f"{id}\t{1 - distance:.6f}")
