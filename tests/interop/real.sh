#!/usr/bin/env bash
# Real weights: MiniLM-L6 and mpnet-base, as packages of the Python index carry them, over thousands of
# texts in many languages and of many lengths. Ids are compared with the tokenizers library's, vectors
# with sentence-transformers', and every precision and output type with f32. real.sh BINARY; exit 77:
# not asked for, or a tool is missing.
#
# EMBEDTOOL_TEST_REAL=1 asks for it (two gigabytes of packages, half an hour on two cores);
# EMBEDTOOL_TEST_REAL_TEXTS (5000) and EMBEDTOOL_TEST_REAL_MODELS (all) say how much.
# EMBEDTOOL_REAL_VENV names a virtual environment to use or to make.
set -euo pipefail
binary=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/lib.sh"
shared=${EMBEDTOOL_SHARED:-$here/../../../shared}

[[ -n ${EMBEDTOOL_TEST_REAL:-} ]] || skip "EMBEDTOOL_TEST_REAL=1 asks for it (2 GB, half an hour)"
[[ -d $shared/data ]] || skip "no corpora beside the checkout"
command -v python3 >/dev/null || skip "no python3"

venv=${EMBEDTOOL_REAL_VENV:-$(dirname "$binary")/interop/real-venv}
environment "$venv" -r "$here/real/requirements.txt" ||
  skip "pip cannot install the models and libraries (offline?)"

export PYTHONDONTWRITEBYTECODE=1 TOKENIZERS_PARALLELISM=false
"$venv/bin/python" "$here/real/models.py" "$venv/models"
"$venv/bin/python" "$here/real/compare.py" "$binary" "$venv/models" "$shared/data" \
  --texts "${EMBEDTOOL_TEST_REAL_TEXTS:-5000}" --models "${EMBEDTOOL_TEST_REAL_MODELS:-all}"
