#!/usr/bin/env bash
# A run over an input without end: memory is flat once every buffer has been met with its largest
# text. EMBEDTOOL_TEST_SOAK=SECONDS makes it longer.
seconds=${EMBEDTOOL_TEST_SOAK:-12}
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

corpus 2000 | sed 's/"id": "[^"]*", //' >piece.jsonl
resident() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }

"$BIN" encode -q -m "$MODEL" -o out --shard-rows 20000 - 2>stderr \
  < <(while cat piece.jsonl 2>/dev/null; do :; done) &
pid=$!
for _ in {1..600}; do # a slow build may take a minute to the first
  compgen -G 'out/data/part-*' >/dev/null && break
  sleep 0.2
done
# The median of a sample each second: a busy disk fills the ring of windows now and then.
median_of() {
  local samples=()
  for ((i = 0; i < $1; ++i)); do
    sleep 1
    samples+=("$(resident "$pid")")
  done
  printf '%s\n' "${samples[@]}" | sort -n | sed -n "$((($1 + 1) / 2))p"
}
sleep $((seconds / 3))
before=$(median_of $((seconds / 3)))
after=$(median_of $((seconds / 3)))
rows=$(find out -name 'part-*' | wc -l)
kill -INT "$pid"
wait "$pid" || true
[[ $rows -ge 1 ]] || fail "no shard came out"
printf '%s KiB in the second third of the time, %s KiB in the last, %s shards\n' "$before" "$after" "$rows"
# The journal's entries and the allocator's whims: a leak of one window would be far more.
[[ $after -le $((before + before / 20 + 2048)) ]] || sanitized || fail "memory grew from $before to $after KiB"
