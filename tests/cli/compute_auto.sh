#!/usr/bin/env bash
# --compute auto: the faster of f32 and bf16, said with -v, the same vectors as when it is named; f32
# where nothing multiplies bf16; never int8.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

corpus 60 >in.jsonl
encode auto in.jsonl --compute auto -v
has stderr "--compute auto: "
chosen=$(sed -nE 's/.*--compute auto: ([a-z0-9]+) .*/\1/p' stderr)
[[ $chosen == f32 || $chosen == bf16 ]] || fail "auto chose '$chosen'"
check_json auto/manifest.json "d['settings']['compute'] == '$chosen'"
encode named in.jsonl --compute "$chosen"
vectors auto >auto.jsonl
vectors named >named.jsonl
same auto.jsonl named.jsonl "auto computes otherwise than $chosen"
# The same command finds its output up to date: the choice is not left to chance.
encode auto in.jsonl --compute auto
has stderr "up to date"

encode lower in.jsonl --compute auto --isa ssse3 -v
has stderr "--compute auto: f32"
# bf16 by name works on every CPU.
encode widened in.jsonl --compute bf16 --isa ssse3
check_json widened/report.json "d['compute']['kernels'] == 'SSSE3 (widened weights)'"
encode reference in.jsonl --compute auto --gemm reference -v
has stderr "--compute auto: "
run 2 encode -m "$MODEL" -o none in.jsonl --compute auto --gemm nothing
has stderr 'unknown GEMM backend "nothing"'
