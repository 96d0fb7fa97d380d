#!/usr/bin/env bash
# Every recipe finds the ten rows that an exact search finds. recipes.sh BINARY; exit 77: a tool is
# missing, or it is not asked for: EMBEDTOOL_TEST_ENGINES=1 does. PGHOST names a PostgreSQL server with
# pgvector; without it that recipe is not run.
set -euo pipefail
binary=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
recipes=$here/../../recipes

skip() {
  printf 'skipped: %s\n' "$*"
  exit 77
}
[[ -n ${EMBEDTOOL_TEST_ENGINES:-} ]] || skip "EMBEDTOOL_TEST_ENGINES=1 asks for it (a gigabyte of engines)"
command -v python3 >/dev/null || skip "no python3"
venv=${EMBEDTOOL_RECIPES_VENV:-$(dirname "$binary")/interop/recipes-venv}
if [[ ! -x $venv/bin/python ]]; then
  rm -rf "$venv.new"
  python3 -m venv "$venv.new" || skip "python3 cannot make a virtual environment"
  "$venv.new/bin/pip" install -q --only-binary=:all: -r "$here/recipes/requirements.txt" ||
    skip "pip cannot install the engines (offline?)"
  # Its scripts name the folder they were made in; only its python is used.
  mv "$venv.new" "$venv"
fi

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
    *_changes.py) continue ;; # of nightly.sh
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
