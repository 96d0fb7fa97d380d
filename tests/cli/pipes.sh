#!/usr/bin/env bash
# Pipes that close early, pipes that never end, and signals.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

corpus 5000 >in.jsonl

# A reader that has enough: no message, and the whole pipeline is done at once.
set +o pipefail
"$BIN" encode -m "$MODEL" -o - --to jsonl in.jsonl 2>stderr | head -n 1 >first
equal "${PIPESTATUS[0]}" 141 "exit status when the reader goes away"
check_jsonl first 'd[0]["id"] == "r0"'
equal "$(cat stderr)" "" "what is said when the reader goes away"
"$BIN" tokenize -m "$MODEL" in.jsonl 2>stderr | head -n 1 >first
check_jsonl first 'd[0]["id"] == "r0"'
equal "$(cat stderr)" "" "what tokenize says when the reader goes away"
set -o pipefail

# A producer that never ends: the first vector comes while it is still alive.
# The shell holds the writing end itself (8, 9), and the program must not inherit it.
mkfifo endless
exec 8<>endless
head -n 3 in.jsonl >&8
timeout 20 "$BIN" encode -m "$MODEL" -o - --to jsonl - <endless 2>stderr 8>&- | head -n 1 >first &
reader=$!
for _ in $(seq 100); do
  [[ -s first ]] && break
  sleep 0.1
done
[[ -s first ]] || fail "no vector from a pipe that stays open"
exec 8>&-
wait "$reader" 2>/dev/null || true

# Ctrl-C and termination while waiting for input, and in the middle of work.
# A shell starts background jobs with SIGINT ignored: a signal that came before the program set its
# handlers would be lost, so wait until SIGINT (bit 1) and SIGTERM (bit 14) are caught.
ready_for_signals() { # PID
  for _ in $(seq 300); do
    local caught
    caught=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null || true)
    (((0x${caught:-0} & 0x4002) == 0x4002)) && return
    sleep 0.1
  done
  fail "the program set no signal handlers"
}
stopped_by() { # SIGNAL STATUS INPUT OUTPUT
  local code=0
  setsid "$BIN" encode -m "$MODEL" -o "$4" "$3" <endless-again >stdout 2>stderr 9>&- &
  local pid=$!
  ready_for_signals "$pid"
  kill "-$1" "$pid"
  wait "$pid" || code=$?
  equal "$code" "$2" "exit status after SIG$1"
  [[ ! -e $4/manifest.json ]] || fail "a stopped run published a manifest"
  if find "$4" -name '.embedtool-tmp-*' 2>/dev/null | grep -q .; then fail "a stopped run left: $(ls -A "$4")"; fi
}
mkfifo endless-again
exec 9<>endless-again
stopped_by INT 130 - out-int
stopped_by TERM 143 - out-term
for _ in $(seq 40); do cat in.jsonl; done >many.jsonl
stopped_by INT 130 many.jsonl out-busy
exec 9>&-

# The name is free again.
encode out-int in.jsonl --overwrite
run 0 verify out-int
