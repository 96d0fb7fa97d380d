#!/usr/bin/env bash
# Late interaction as PyLate does it: the vectors of its folders and of Stanford's checkpoints, and MaxSim
# over all pairs of queries and documents. pylate.sh BINARY; exit 77: not asked for, or a tool is missing.
#
# EMBEDTOOL_TEST_PYLATE=1 asks for it (2 GB of packages, a minute); EMBEDTOOL_PYLATE_VENV names a virtual
# environment to use or to make.
set -euo pipefail
binary=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/lib.sh"

[[ -n ${EMBEDTOOL_TEST_PYLATE:-} ]] || skip "EMBEDTOOL_TEST_PYLATE=1 asks for it (2 GB of packages)"
command -v python3 >/dev/null || skip "no python3"

venv=${EMBEDTOOL_PYLATE_VENV:-$(dirname "$binary")/interop/pylate-venv}
environment "$venv" -r "$here/pylate/requirements.txt" || skip "pip cannot install PyLate (offline?)"

unset EMBEDTOOL_TEST_PYLATE EMBEDTOOL_PYLATE_VENV # no settings of the program

work=$(mktemp -d "${TMPDIR:-/tmp}/embedtool-pylate.XXXXXX")
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1
for head in colbert_pylate colbert_stanford; do
  "$venv/bin/python" "$here/pylate/compare.py" "$binary" "$here/../golden/heads/$head/model" \
    "$here/../../scripts/sample/texts.jsonl" "$work/$head"
done
