#!/usr/bin/env bash
# Every recipe finds the ten rows that an exact search finds, and every feed of changes turns last
# night's rows into tonight's. recipes.sh BINARY; exit 77: a tool is
# missing, or it is not asked for: EMBEDTOOL_TEST_ENGINES=1 does. PGHOST names a PostgreSQL server with
# pgvector; without it that recipe is not run.
set -euo pipefail
binary=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/lib.sh"
recipes=$here/../../recipes

[[ -n ${EMBEDTOOL_TEST_ENGINES:-} ]] || skip "EMBEDTOOL_TEST_ENGINES=1 asks for it (a gigabyte of engines)"
command -v python3 >/dev/null || skip "no python3"
venv=${EMBEDTOOL_RECIPES_VENV:-$(dirname "$binary")/interop/recipes-venv}
environment "$venv" --only-binary=:all: -r "$here/recipes/requirements.txt" ||
  skip "pip cannot install the engines (offline?)"

work=$(mktemp -d "${TMPDIR:-/tmp}/embedtool-recipes.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
export PYTHONDONTWRITEBYTECODE=1 EMBEDTOOL=$binary
corpus=${EMBEDTOOL_RECIPES_CORPUS:-}
if [[ -z $corpus ]]; then
  corpus=$work/corpus.jsonl
  "$venv/bin/python" "$here/recipes/corpus.py" 5000 >"$corpus"
fi
"$binary" encode "$corpus" -m builtin -o out --shard-rows 2000 -q --keep text
wanted=$("$venv/bin/python" "$here/recipes/check.py" exact out >expected && head -n 1 expected | cut -f 1)

for recipe in "$recipes"/*.py "$recipes"/*.sh; do
  name=$(basename "$recipe")
  started=${EPOCHREALTIME/./}
  case $name in
    *_changes.py) continue ;; # below
    *_encode.py | embedtool_pipe.py) continue ;; # of engines.sh
    pgvector_table.sh)
      if [[ -z ${PGHOST:-} ]]; then
        printf 'not checked: %s (no PGHOST)\n' "$name"
        continue
      fi
      bash "$recipe" out "$wanted" >found ;;
    opensearch_bulk.py)
      "$venv/bin/python" "$recipe" out >found
      "$venv/bin/python" "$here/recipes/check.py" bulk out found
      printf '%s: every row\n' "$name"
      continue ;;
    *) "$venv/bin/python" "$recipe" out "$wanted" >found 2>log || { cat log >&2 && exit 1; } ;;
  esac
  "$venv/bin/python" "$here/recipes/check.py" compare expected found || { printf '%s\n' "$name" >&2 && exit 1; }
  printf '%s: the same ten rows, %d ms\n' "$name" $(((${EPOCHREALTIME/./} - started) / 1000))
done

# Two nights, applied to an empty index. DuckDB, SQLite and FAISS are in nightly.sh.
"$venv/bin/python" "$here/nightly/two_nights.py" 2500
for night in 1 2; do
  "$binary" encode -q -m builtin -o "night$night" "night$night.jsonl" --keep lang --shard-rows 1000 \
    --reuse current --link current --changes "feed$night.parquet" 2>/dev/null
  for engine in lancedb qdrant; do
    "$venv/bin/python" "$recipes/${engine}_changes.py" "docs.$engine" "night$night" "feed$night.parquet"
  done
  "$venv/bin/python" "$recipes/opensearch_changes.py" docs "night$night" "feed$night.parquet" >"bulk$night"
  if [[ -n ${PGHOST:-} ]]; then
    [[ $night == 2 ]] || psql -qAtX -c 'DROP TABLE IF EXISTS embedtool_docs' 2>/dev/null
    "$venv/bin/python" "$recipes/pgvector_changes.py" embedtool_docs "night$night" "feed$night.parquet"
  fi
done
check=$here/nightly/check_engines.py
"$venv/bin/python" "$check" night2 lancedb docs.lancedb
"$venv/bin/python" "$check" night2 qdrant docs.qdrant
"$venv/bin/python" "$check" night2 bulk bulk1 bulk2
if [[ -n ${PGHOST:-} ]]; then
  "$venv/bin/python" "$check" night2 pgvector embedtool_docs
else
  echo 'not checked: pgvector_changes.py (no PGHOST)'
fi
