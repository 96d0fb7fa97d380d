#!/usr/bin/env bash
# The engines that people have encode a corpus as one process does, bit for bit: Spark with executors of
# their own, Dask, GNU parallel and Snakemake. engines.sh BINARY; exit 77: not asked for, or a tool is
# missing. EMBEDTOOL_TEST_ENGINES=1 asks for it; EMBEDTOOL_ENGINES_ROWS sets the number of texts.
set -euo pipefail
binary=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/lib.sh"
source=$(cd "$here/../.." && pwd)
recipes=$source/recipes
rows=${EMBEDTOOL_ENGINES_ROWS:-6000}
model=${EMBEDTOOL_ENGINES_MODEL:-$source/tests/golden/data/bert/model}

[[ -n ${EMBEDTOOL_TEST_ENGINES:-} ]] || skip "EMBEDTOOL_TEST_ENGINES=1 asks for it (half a gigabyte of engines)"
command -v python3 >/dev/null || skip "no python3"
venv=${EMBEDTOOL_ENGINES_VENV:-$(dirname "$binary")/interop/engines-venv}
environment "$venv" --only-binary=:all: -r "$here/engines/requirements.txt" ||
  skip "pip cannot install the engines (offline?)"
# These have packages that must be built.
"$venv/bin/python" -c 'import pyspark, snakemake' 2>/dev/null ||
  "$venv/bin/python" -m pip install -q pyspark==4.* snakemake || true # checked below

work=$(mktemp -d "${TMPDIR:-/tmp}/embedtool-engines.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir bin
ln -s "$binary" bin/embedtool
export PATH=$work/bin:$PATH EMBEDTOOL=$binary PYTHONDONTWRITEBYTECODE=1
"$venv/bin/python" "$here/recipes/corpus.py" "$rows" >corpus.jsonl
embedtool encode corpus.jsonl -m "$model" -o plain -q
"$venv/bin/python" "$here/engines/check.py" split corpus.jsonl corpus 4

# timed NAME COMMAND…
timed() {
  local name=$1 started=${EPOCHREALTIME/./}
  shift
  "$@" >"$name.log" 2>&1 || { tail -n 40 "$name.log" >&2 && printf 'FAILED: %s\n' "$name" >&2 && exit 1; }
  printf '%s: %d ms\n' "$name" $(((${EPOCHREALTIME/./} - started) / 1000))
}

if ! "$venv/bin/python" -c 'import pyspark' 2>/dev/null; then
  echo 'not checked: Spark (pip cannot install pyspark)'
elif command -v java >/dev/null; then
  export PYSPARK_PYTHON=$venv/bin/python
  export PYSPARK_SUBMIT_ARGS="--master local-cluster[2,1,1024] --conf spark.ui.enabled=false \
    --conf spark.driver.host=localhost --conf spark.driver.bindAddress=127.0.0.1 pyspark-shell"
  export SPARK_LOCAL_IP=127.0.0.1
  timed spark "$venv/bin/python" "$recipes/spark_encode.py" corpus spark -m "$model"
  "$venv/bin/python" "$here/engines/check.py" compare plain spark
else
  echo 'not checked: Spark (no Java)'
fi

timed dask "$venv/bin/python" "$recipes/dask_encode.py" corpus dask -m "$model"
"$venv/bin/python" "$here/engines/check.py" compare plain dask

# A record that cannot be used is an error in either, by name.
printf '{"id": "a", "text": "good"}\n{"id": "b", "text": null}\n' >bad.jsonl
"$venv/bin/python" "$here/engines/check.py" split bad.jsonl bad 1
if "$venv/bin/python" "$recipes/dask_encode.py" bad none -m "$model" >bad.log 2>&1; then
  echo 'FAILED: Dask takes a record without a text' >&2 && exit 1
fi
grep -q 'status 3' bad.log || { tail -n 20 bad.log >&2 && exit 1; }

if command -v parallel >/dev/null; then
  # One job after another, in any order, and one of them a second time.
  parallel="parallel -j 2 --shuf -N0 embedtool encode corpus.jsonl -m $model -o parallel --part auto/6 -q ::: 1 2 3 4 5 6"
  timed parallel bash -c "$parallel"
  embedtool merge -q parallel
  "$venv/bin/python" "$here/engines/check.py" rows plain parallel
else
  echo 'not checked: GNU parallel (not installed)'
fi

if [[ -x $venv/bin/snakemake ]]; then
  timed snakemake "$venv/bin/python" -m snakemake -q all -s "$recipes/Snakefile" -j 2 \
    --config corpus=corpus.jsonl model="$model" out=snake parts=5
  "$venv/bin/python" "$here/engines/check.py" rows plain snake
else
  echo 'not checked: Snakemake (pip cannot install it)'
fi
