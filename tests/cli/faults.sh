#!/usr/bin/env bash
# The k-th system call on the output fails, or the process dies there, for every k: at no k is there
# a manifest that verify refuses or a shard that is not whole, and the same command always goes on
# to the bytes of an undisturbed run. EMBEDTOOL_TEST_FAULTS=all adds further kinds of failure.
kinds=${EMBEDTOOL_TEST_FAULTS:-short}
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"
SHIM=$(dirname "$BIN")/tests/libfault_shim.so
[[ -e $SHIM ]] || skip "no preloadable library in this build"
LD_PRELOAD=$SHIM "$BIN" --version >/dev/null 2>&1 || skip "preloading does not go with a sanitizer"

corpus 120 | awk '{print} NR % 20 == 7 {print "{broken " NR}' >in.jsonl
ARGUMENTS=(-q -m "$MODEL" in.jsonl --shard-rows 50 --max-length 40 --on-long skip --threads 1)
export FAULT_UNDER=$WORK/out

# disturbed [VARIABLE=VALUE…]: the command with the shim; its exit status in `code`.
disturbed() {
  code=0
  { env LD_PRELOAD="$SHIM" "$@" "$BIN" encode -o out "${ARGUMENTS[@]}" || code=$?; } >stdout 2>stderr
}

disturbed FAULT_AT=0 FAULT_COUNT=count
equal "$code" 0 "exit status"
mv out whole
calls=$(cat count)
[[ $calls -gt 60 ]] || fail "the shim saw $calls calls only"

# check_now K: what can be seen after the failure.
check_now() {
  local part
  for part in out/data/part-*; do
    [[ -e $part ]] || break
    same "$part" "whole/${part#out/}" "$1: a shard"
  done
  [[ ! -e out/manifest.json ]] || "$BIN" verify -q out || fail "$1: a manifest that verify refuses"
}

checked=0
modes=(kill: 5:once)                # dies; EIO
[[ $kinds != all ]] || modes+=(28: 24:once 4:once 122: 30: short: short:once) # full, EMFILE, EINTR …
for mode in "${modes[@]}"; do
  for ((k = 1; k <= calls; k++)); do
    disturbed FAULT_AT="$k" FAULT_MODE="${mode%:*}" FAULT_ONCE="${mode#*:}"
    where="call $k, $mode"
    if [[ $mode == kill: ]]; then
      equal "$code" 137 "$where: exit status"
    elif [[ $code -ne 0 ]]; then
      equal "$code" 1 "$where: exit status"
      has stderr "embedtool: error:"
    fi
    check_now "$where"
    disturbed FAULT_AT=0
    [[ $code == 0 ]] || fail "$where: the next run fails"
    for file in $(files whole); do
      [[ $file == report.json || $file == manifest.json ]] || same "whole/$file" "out/$file" "$where"
    done
    diff <(files whole) <(files out) || fail "$where: leftovers"
    "$BIN" verify -q out || fail "$where: verify"
    rm -r out
    checked=$((checked + 1))
  done
done
printf '%s calls, %s runs disturbed\n' "$calls" "$checked"
