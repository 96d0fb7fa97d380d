#!/usr/bin/env bash
# One cache for two programs: what pull fetches, Python's huggingface_hub finds offline, and the
# reverse; each completes what the other has begun. hub.sh BINARY; exit 77: a tool is missing.
set -euo pipefail
binary=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/../.." && pwd)

# shellcheck source=tests/interop/lib.sh
source "$here/lib.sh"
command -v python3 >/dev/null || skip "no python3"
venv=$(dirname "$binary")/interop/hub-venv
environment "$venv" --only-binary=:all: -r "$here/hub/requirements.txt" ||
  skip "pip cannot install huggingface_hub (offline?)"

work=$(mktemp -d "${TMPDIR:-/tmp}/embedtool-hub.XXXXXX")
server=
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1 HF_HOME=$work/home HF_HUB_DISABLE_XET=1 HF_HUB_DISABLE_TELEMETRY=1
unset HF_HUB_CACHE HUGGINGFACE_HUB_CACHE HF_HUB_OFFLINE TRANSFORMERS_OFFLINE HF_TOKEN \
  http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
cd "$work"
mkdir -p hub/org state
cp -r "$source/tests/golden/data/bert/model" hub/org/small
mkdir hub/org/small/onnx
printf 'a graph' >hub/org/small/onnx/model.onnx
python3 "$source/tests/cli/fake_hub.py" hub state &
server=$!
for _ in $(seq 100); do [[ -e state/endpoint ]] || sleep 0.1; done
HF_ENDPOINT=$(cat state/endpoint)
export HF_ENDPOINT
python() { "$venv/bin/python" "$here/hub/check.py" "$1" org/small hub/org/small; }
equal() { [[ $1 == "$2" ]] || { printf 'FAILED: %s is %s instead of %s\n' "$3" "$1" "$2" && exit 1; }; }

# Ours, read by Python; then Python's own download adds what we leave, and both find it.
"$binary" pull org/small -q >ours
equal "$(HF_HUB_OFFLINE=1 python offline)" "$(cat ours)" "the snapshot that Python finds"
equal "$(python download 2>/dev/null)" "$(cat ours)" "the snapshot that Python completes"
[[ -e $(cat ours)/onnx/model.onnx ]] || { echo "FAILED: Python has not completed it" && exit 1; }
equal "$(HF_HUB_OFFLINE=1 "$binary" pull org/small -q --verify)" "$(cat ours)" "the snapshot after that"

# Python's, read by us; no byte is fetched again. The first pull asks what is missing, later ones
# only what the branch is.
rm -r home
theirs=$(python download 2>/dev/null)
: >state/log
equal "$("$binary" pull org/small -q)" "$theirs" "the snapshot of Python's"
equal "$("$binary" pull org/small -q)" "$theirs" "the same again"
equal "$(grep -c . state/log)" 3 "the number of requests"
"$binary" info org/small --json >described
printf '%s\n' '{"text": "a stone house"}' >in.jsonl
"$binary" encode -q -m org/small -o theirs in.jsonl
"$binary" encode -q -m hub/org/small -o plain in.jsonl
cmp <("$binary" export -q theirs --to jsonl -o -) <("$binary" export -q plain --to jsonl -o -)

# Python's snapshot, half of which is gone: without a listing of it, and with one.
rm "$theirs/model.safetensors" "$theirs/1_Pooling/config.json"
if "$binary" info org/small >/dev/null 2>error; then echo "FAILED: half a model is taken" && exit 1; fi
grep -q 'only a part of it' error
"$binary" pull org/small -q >/dev/null
cmp hub/org/small/model.safetensors "$theirs/model.safetensors"
cmp hub/org/small/1_Pooling/config.json "$theirs/1_Pooling/config.json"

# Both at once, into an empty cache.
rm -r home
"$binary" pull org/small -q >ours &
pulled=$!
python download >theirs.path 2>/dev/null
wait $pulled
equal "$(cat ours)" "$(cat theirs.path)" "the snapshot of both"
HF_HUB_OFFLINE=1 python offline >/dev/null
HF_HUB_OFFLINE=1 "$binary" pull org/small -q --verify >/dev/null
