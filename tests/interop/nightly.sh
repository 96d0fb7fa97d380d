#!/usr/bin/env bash
# A feed of changes applied in DuckDB to last night's rows gives tonight's, for random edit scripts.
# nightly.sh BINARY; EMBEDTOOL_TEST_EDITS=N sets how many; exit 77: a tool is missing.
set -euo pipefail
binary=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/lib.sh"
source=$(cd "$here/../.." && pwd)
edits=${EMBEDTOOL_TEST_EDITS:-12}

command -v python3 >/dev/null || skip "no python3"
venv=$(dirname "$binary")/interop/nightly-venv
environment "$venv" --only-binary=:all: -r "$here/nightly/requirements.txt" ||
  skip "pip cannot install the engines (offline?)"

work=$(mktemp -d "${TMPDIR:-/tmp}/embedtool-nightly.XXXXXX")
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
cd "$work"
model=$source/tests/golden/data/bert/model
for ((i = 1; i <= edits; ++i)); do
  python3 "$source/tests/cli/edit_corpus.py" "$i" last.jsonl now.jsonl
  if [[ ! -s last.jsonl || ! -s now.jsonl ]]; then continue; fi
  "$binary" encode -q -m "$model" -o old last.jsonl --keep lang --shard-rows 150
  "$binary" encode -q -m "$model" -o new now.jsonl --keep lang --shard-rows 100 --reuse old --changes feed.parquet
  "$venv/bin/python" "$here/nightly/apply.py" old new feed.parquet
  rm -r old new feed.parquet
done

# The recipes: two nights, applied to an empty index.
"$venv/bin/python" "$here/nightly/two_nights.py" 700
for night in 1 2; do
  "$binary" encode -q -m "$model" -o "night$night" "night$night.jsonl" --keep lang --shard-rows 100 \
    --reuse current --link current --changes "feed$night.parquet"
  "$venv/bin/python" "$source/recipes/duckdb_changes.py" docs.duckdb "night$night" "feed$night.parquet"
  "$venv/bin/python" "$source/recipes/sqlite_changes.py" docs.sqlite "night$night" "feed$night.parquet"
  "$venv/bin/python" "$source/recipes/faiss_changes.py" docs.faiss "night$night" "feed$night.parquet"
done
"$venv/bin/python" "$here/nightly/check_recipes.py" night2 docs.duckdb docs.sqlite docs.faiss
