#!/usr/bin/env bash
# Parquet and Arrow written by others give what the same rows give as JSONL: vectors, ids and kept
# fields, byte for byte; ready vectors; nested texts. Writers: pyarrow, DuckDB, polars, datasets,
# fastparquet and, where there is Java, Spark, each in its options. columns.sh BINARY; exit 77: a tool
# is missing.
set -euo pipefail
binary=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/lib.sh"

command -v python3 >/dev/null || skip "no python3"

# A virtual environment that stays: the packages are large. EMBEDTOOL_COLUMNS_VENV names another one.
venv=${EMBEDTOOL_COLUMNS_VENV:-$(dirname "$binary")/interop/columns-venv}
environment "$venv" --only-binary=:all: -r "$here/columns/requirements.txt" ||
  skip "pip cannot install the writers (offline?)"

work=$(mktemp -d "${TMPDIR:-/tmp}/embedtool-columns.XXXXXX")
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1 HF_HOME=$work/hf
"$venv/bin/python" "$here/columns/write_python.py" "$work"
if ! command -v java >/dev/null; then
  printf 'not checked: Spark (no Java)\n'
elif ! "$venv/bin/python" -c 'import pyspark' 2>/dev/null &&
  ! "$venv/bin/python" -m pip install -q pyspark; then
  printf 'not checked: Spark (pip cannot install pyspark)\n'
else
  "$venv/bin/python" "$here/columns/write_spark.py" "$work" 2>"$work/spark.log" ||
    { tail -n 20 "$work/spark.log" >&2 && exit 1; }
fi

# rows WAY FILE: what the file gives, on stdout.
rows() {
  local -a flags
  case $1 in
    flat) flags=(--keep "n,lang,score,flag") ;;
    kept) flags=(--keep "n,lang,score,flag,tags,meta,messages,meta.title") ;;
    vectors) flags=(--vector-field emb --dims 8) ;;
    nested) flags=(--text-field messages.0.content --text-field tags --on-error skip) ;;
  esac
  "$binary" encode "$2" "${flags[@]}" -m builtin-fast -o - -q
}

# compare FOLDER WAY…: every file of the folder gives what its rows.jsonl gives.
compared=0 differ=0
compare() {
  local folder=$1 way file
  shift
  for way in "$@"; do
    rows "$way" "$folder/rows.jsonl" >"$work/expected"
    [[ -s $work/expected ]] || { printf '%s: no rows\n' "$way" && exit 1; }
    for file in "$folder"/*.parquet "$folder"/*.arrow "$folder"/*.arrows; do
      [[ -e $file ]] || continue
      compared=$((compared + 1))
      rows "$way" "$file" >"$work/found" || true
      cmp -s "$work/expected" "$work/found" && continue
      printf 'differs: %s (%s)\n' "$(basename "$file")" "$way"
      differ=$((differ + 1))
    done
  done
}
compare "$work/flat" flat
compare "$work/all" kept vectors nested
# A stream comes through a pipe as well; Parquet does not, and says why.
"$binary" encode - --keep n -m builtin-fast -o - -q <"$work/all/pyarrow-None.arrows" >"$work/file"
# shellcheck disable=SC2002
cat "$work/all/pyarrow-None.arrows" | "$binary" encode - --keep n -m builtin-fast -o - -q >"$work/pipe"
cmp "$work/file" "$work/pipe"
printf '%d comparisons, %d differ\n' "$compared" "$differ"
[[ $differ == 0 ]]
