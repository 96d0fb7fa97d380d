"""clickhouse_table.py OUT ID: the ten nearest rows of row ID, by ClickHouse (chDB)."""
import sys

from chdb import session

out, wanted = sys.argv[1:]
db = session.Session()
db.query(f"""CREATE TABLE rows ENGINE = MergeTree ORDER BY id
             AS SELECT id, embedding FROM file('{out}/data/*.parquet', Parquet)""")
quoted = wanted.replace("\\", "\\\\").replace("'", "\\'")
print(db.query(f"""WITH (SELECT embedding FROM rows WHERE id = '{quoted}' LIMIT 1) AS query
                   SELECT id, round(1 - cosineDistance(embedding, query), 6) FROM rows
                   ORDER BY cosineDistance(embedding, query) LIMIT 10 FORMAT TSVRaw"""), end="")
