#!/usr/bin/env bash
# The x86-64 build on old and foreign CPUs, emulated: it starts, and encodes the sample corpus to the
# vectors of this machine, within rounding. Exit 77: not possible here.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
Usage: scripts/try_cpus.sh [CPU…]

Runs build/release/embedtool under qemu-user on every CPU (qemu's names; default: Nehalem, Westmere,
SandyBridge, Haswell, EPYC and, below what has kernels, Conroe and qemu64): `--version`, then the sample
corpus, then golden models in f32 and int8 by the native backend, and in f32 by every other backend that
calls itself usable. Vectors are compared with this machine's. Needs qemu-user-static and about ten
minutes.
TEXT
}

skip() {
  echo "skipped: $*"
  exit 77
}
say() { printf 'try_cpus: %s\n' "$*" >&2; }

# Golden models with every kind of layer that a GEMM computes; the sample's model has none.
models='[bgmq]*'

# Encodes on the CPU $1 and compares; the rest are arguments of compare_vectors.py.
compare() {
  scripts/compare_vectors.py build/release/embedtool "qemu-x86_64-static -cpu $1 build/release/embedtool" \
    "${@:2}"
}

try() {
  local cpu=$1 version gemm
  version=$(qemu-x86_64-static -cpu "$cpu" build/release/embedtool --version) || {
    say "$cpu: --version ended with $?"
    return 1
  }
  printf '%s: %s\n' "$cpu" "$(sed -n 's/^backends: *//p; s/^isa: *//p' <<<"$version" | paste -sd ';')"
  compare "$cpu" --sample --min-cosine 0.999999 --max-difference 1e-5 || return 1
  compare "$cpu" --models "$models" --min-cosine 0.999999 --max-difference 1e-5 || return 1
  # A last bit can move an input to the next step of int8.
  if grep -q 'native (.*int8' <<<"$version"; then
    compare "$cpu" --models "$models" --compute int8 --min-cosine 0.999 || return 1
  fi
  for gemm in onednn openblas; do
    if grep -q "$gemm (f32" <<<"$version"; then
      compare "$cpu" --models "$models" --gemm "$gemm" --min-cosine 0.999999 --max-difference 1e-5 || return 1
    fi
  done
}

case ${1:-} in
  -h | --help) usage && exit 0 ;;
  -*) usage >&2 && exit 2 ;;
esac
[[ $(uname -m) == x86_64 ]] || skip "this is no x86-64 machine"
command -v qemu-x86_64-static >/dev/null || skip "no qemu-user-static here"
[[ -x build/release/embedtool ]] || skip "there is no build/release/embedtool"

cpus=("$@")
[[ $# -gt 0 ]] || cpus=(Nehalem Westmere SandyBridge Haswell EPYC Conroe qemu64)
failed=()
for cpu in "${cpus[@]}"; do
  try "$cpu" || failed+=("$cpu")
done
[[ ${#failed[@]} -eq 0 ]] || {
  say "failed: ${failed[*]}"
  exit 1
}
