#!/usr/bin/env bash
# Parsers written by others read what a run says of itself: Prometheus' text format, Chrome's trace
# events. monitoring.sh BINARY; exit 77: a tool is missing.
set -euo pipefail
bin=$(realpath "$1")
build=$(dirname "$bin")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

skip() {
  printf 'skipped: %s\n' "$*"
  exit 77
}
command -v node >/dev/null || skip "no node"
command -v npm >/dev/null || skip "no npm"

modules=$build/interop/monitoring
mkdir -p "$modules"
if ! cmp -s "$here/monitoring/package.json" "$modules/installed.json"; then
  cp "$here/monitoring/package.json" "$modules/package.json"
  (cd "$modules" && npm install --no-package-lock --no-audit --no-fund --silent) ||
    skip "npm cannot install the parsers (offline?)"
  cp "$modules/package.json" "$modules/installed.json"
fi
cp "$here"/monitoring/*.mjs "$modules/" # node looks for packages next to the script

work=$(mktemp -d "${TMPDIR:-/tmp}/embedtool-interop.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
model=$here/../golden/data/bert/model
seq 4000 | sed 's/.*/a line of text & with & words & and more of them/' >corpus.txt

# A name that has to be escaped in a label.
out='out "quoted" \ name'
"$bin" encode -q -m "$model" corpus.txt -o "$out" --metrics-file run.prom
node "$modules/metrics.mjs" run.prom "$out/report.json" "$out"

"$bin" encode -q -m "$model" corpus.txt -o traced --trace run.trace.json
node "$modules/trace.mjs" run.trace.json traced/report.json
