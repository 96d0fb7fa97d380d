#!/usr/bin/env bash
# The ten nearest texts in DuckDB's SQL over our shards are the ten of `embedtool search`, with the
# same scores: ids, vectors and order survive the whole way. Exit 77: a tool or the data is missing.
set -euo pipefail
binary=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
corpus=$here/../../scripts/sample/texts.jsonl

skip() { echo "skipped: $1"; exit 77; }
command -v node >/dev/null || skip "no node"
command -v npm >/dev/null || skip "no npm"

# A folder of its own: tests run side by side.
modules=$(dirname "$binary")/interop/nearest
mkdir -p "$modules"
if ! cmp -s "$here/nearest/package.json" "$modules/installed.json"; then
  cp "$here/nearest/package.json" "$modules/package.json"
  (cd "$modules" && npm install --no-package-lock --no-audit --no-fund --silent) ||
    skip "npm cannot install DuckDB (offline?)"
  cp "$modules/package.json" "$modules/installed.json"
fi
cp "$here/nearest/nearest.mjs" "$modules/"

work=$(mktemp -d "${TMPDIR:-/tmp}/embedtool-nearest.XXXXXX")
trap 'rm -rf "$work"' EXIT
cat >"$work/queries.txt" <<'TEXT'
nobody may be held as a slave
everyone has the right to rest and leisure
the law protects the family
TEXT
"$binary" encode "$corpus" -o "$work/out" --shard-rows 100 -q
"$binary" encode "$work/queries.txt" -o - -q >"$work/queries.jsonl"
"$binary" search "$work/out" --queries "$work/queries.txt" -k 10 --json -q >"$work/ours.jsonl"
node "$modules/nearest.mjs" "$work"
