#!/usr/bin/env bash
# Readers written by others read our outputs: DuckDB, hyparquet, parquet-wasm, numpy; every dtype,
# single and multi-vector, bit for bit. shards.sh BINARY; exit 77: a tool is missing.
set -euo pipefail
build=$(cd "$(dirname "$1")" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

skip() {
  printf 'skipped: %s\n' "$*"
  exit 77
}
command -v node >/dev/null || skip "no node"
command -v npm >/dev/null || skip "no npm"
[[ -x $build/tests/write_sample ]] || skip "write_sample is not built"

modules=$build/interop/shards
mkdir -p "$modules"
if ! cmp -s "$here/shards/package.json" "$modules/installed.json"; then
  cp "$here/shards/package.json" "$modules/package.json"
  (cd "$modules" && npm install --no-package-lock --no-audit --no-fund --silent) ||
    skip "npm cannot install the readers (offline?)"
  cp "$modules/package.json" "$modules/installed.json"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/embedtool-interop.XXXXXX")
trap 'rm -rf "$work"' EXIT
"$build/tests/write_sample" "$work" 2000 50
# Node looks for packages next to the script.
cp "$here/shards/compare.mjs" "$modules/"
node "$modules/compare.mjs" "$work"

# The system's python: numpy is a Debian package.
if /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
  /usr/bin/python3 "$here/shards/check_npy.py" "$work"
else
  printf 'not checked: .npy (no numpy)\n'
fi
