#!/usr/bin/env bash
# Readers of Python's world take a folder of shards, and a single file, as they are: pyarrow, pandas,
# polars, DuckDB, fastparquet, ClickHouse (chdb), LanceDB. EMBEDTOOL_TEST_ENGINES=1 asks for their
# releases of late 2024, too, and, where there is Java, for Spark 3.5 and 4 with default settings. Every
# dtype, dense, multi-vector and sparse, in both encodings, kept fields of every type, bit for bit. Faiss
# and Arrow read what export makes for them. readers.sh BINARY; exit 77: a tool is missing.
set -euo pipefail
binary=$(realpath "$1")
build=$(dirname "$binary")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/lib.sh"

command -v python3 >/dev/null || skip "no python3"
[[ -x $build/tests/write_sample ]] || skip "write_sample is not built"

# EMBEDTOOL_READERS_VENVS names another folder of environments.
venvs=${EMBEDTOOL_READERS_VENVS:-$build/interop/readers-venvs}
environment "$venvs/readers" --only-binary=:all: -r "$here/readers/requirements.txt" ||
  skip "pip cannot install the readers (offline?)"

work=$(mktemp -d "${TMPDIR:-/tmp}/embedtool-readers.XXXXXX")
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
"$build/tests/write_sample" "$work" 2000 48
for name in f32 f16 int8 binary; do
  for format in faiss arrow csv; do "$binary" export "$work/$name" --to "$format" -o "$work/$name.$format" 2>/dev/null; done
done
"$venvs/readers/bin/python" "$here/readers/check.py" "$work"

if [[ -z ${EMBEDTOOL_TEST_ENGINES:-} ]]; then
  printf 'not checked: releases of 2024, Spark (EMBEDTOOL_TEST_ENGINES=1 asks for them)\n'
  exit 0
fi
if environment "$venvs/readers-2024" --only-binary=:all: -r "$here/readers/requirements-2024.txt"; then
  rm -rf "$work/lance"
  "$venvs/readers-2024/bin/python" "$here/readers/check.py" "$work"
else
  printf 'not checked: releases of 2024 (pip has none for this Python)\n'
fi
if ! command -v java >/dev/null; then
  printf 'not checked: Spark (no Java)\n'
  exit 0
fi
for version in 3.5 4; do
  if environment "$venvs/spark-$version" "pyspark==$version.*" numpy; then
    "$venvs/spark-$version/bin/python" "$here/readers/check_spark.py" "$work" 2>"$work/spark.log" ||
      { tail -n 20 "$work/spark.log" >&2 && exit 1; }
  else
    printf 'not checked: Spark %s (pip cannot install pyspark)\n' "$version"
  fi
done
