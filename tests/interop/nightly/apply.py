"""Applies a feed of changes to the rows of an old output in DuckDB, by the statements that the manual
suggests, and compares the result with the new output, row for row and bit for bit:
apply.py OLD NEW FEED.parquet"""
import sys

import duckdb

old, new, feed = sys.argv[1:4]
db = duckdb.connect()
db.execute(f"CREATE TABLE index AS SELECT id, embedding, n_tokens, truncated, text_hash, lang FROM '{old}/data/*.parquet'")
db.execute(f"CREATE TABLE new AS SELECT *, file_row_number AS row, filename "
           f"FROM read_parquet('{new}/data/*.parquet', file_row_number=true, filename=true)")
db.execute(f"CREATE TABLE feed AS SELECT * FROM '{feed}'")
db.execute("DELETE FROM index WHERE id IN (SELECT id FROM feed WHERE op IN ('delete', 'update'))")
db.execute(f"""INSERT INTO index SELECT new.id, embedding, n_tokens, truncated, text_hash, lang
    FROM feed JOIN new ON '{new}/' || feed.shard = new.filename AND feed.row = new.row
    WHERE op IN ('insert', 'update')""")
columns = 'id, embedding::VARCHAR, n_tokens, truncated, hex(text_hash), lang'
for a, b in (('index', 'new'), ('new', 'index')):
    rest = db.execute(f'SELECT {columns} FROM {a} EXCEPT ALL SELECT {columns} FROM {b}').fetchall()
    assert not rest, (a, b, rest[:3])
wrong = db.execute("""SELECT * FROM feed JOIN new ON new.id = feed.id AND new.row = feed.row
    WHERE ends_with(new.filename, feed.shard) AND lower(hex(new.text_hash)) <> feed.new_hash""").fetchall()
assert not wrong, wrong[:3]
print(db.execute('SELECT op, count(*) FROM feed GROUP BY op ORDER BY op').fetchall())
