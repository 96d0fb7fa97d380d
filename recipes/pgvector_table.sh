#!/usr/bin/env bash
# pgvector_table.sh OUT ID: the ten nearest rows of row ID, by PostgreSQL with pgvector. psql's own
# variables (PGHOST, PGDATABASE, …) say which server.
set -euo pipefail
out=$1 wanted=$2
embedtool=${EMBEDTOOL:-embedtool}
created=$("$embedtool" export "$out" --to pgcopy -o out.pgcopy --overwrite 2>&1 | grep -o 'CREATE TABLE [^;]*')
psql -qAt -v ON_ERROR_STOP=1 -v wanted="$wanted" <<SQL
SET client_min_messages = warning;
DROP TABLE IF EXISTS items;
$created;
\copy items FROM 'out.pgcopy' (FORMAT binary)
CREATE INDEX ON items USING hnsw (embedding vector_cosine_ops);
SET hnsw.ef_search = 200;
\pset fieldsep '\t'
SELECT id, 1 - (embedding <=> (SELECT embedding FROM items WHERE id = :'wanted' LIMIT 1))
  FROM items ORDER BY embedding <=> (SELECT embedding FROM items WHERE id = :'wanted' LIMIT 1) LIMIT 10;
SQL
