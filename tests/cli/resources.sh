#!/usr/bin/env bash
# Disks that fill, descriptors and memory that run out, inputs that vanish, two runs at once, signals:
# a clear error and its exit status, and the same command goes on afterwards.
# EMBEDTOOL_TEST_DISKS=all fills disks of many sizes.
disks=${EMBEDTOOL_TEST_DISKS:-260}
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

corpus 4000 >in.jsonl
SETTINGS=(-m "$MODEL" in.jsonl --shard-rows 500)
run 0 encode -o whole "${SETTINGS[@]}"

# goes_on OUT: the command ends in what an undisturbed run writes.
goes_on() {
  local shard
  run 0 encode -o "$1" "${SETTINGS[@]}"
  run 0 verify "$1"
  for shard in whole/data/part-*; do same "$shard" "$1/${shard#whole/}"; done
}

# A disk that is full: a small tmpfs of a mount namespace of our own, where that is allowed.
cat >on_small_disk.sh <<'SH'
set -eu
size=$1
shift
mkdir -p disk && mount -t tmpfs -o size=${size}k none disk
code=0
"$BIN" encode -o disk/out "$@" >stdout 2>stderr || code=$?
echo "$code" >full.exit
find disk/out >full.names 2>/dev/null || true # no room even for the directory
[ ! -d disk/out ] || [ -e disk/out/manifest.json ] || cp -r disk/out out # on a disk with room
mount -o remount,size=64m disk
"$BIN" encode -q -o disk/out "$@" && "$BIN" verify -q disk/out
cmp disk/out/data/part-00003.parquet whole/data/part-00003.parquet
SH
if unshare -rm true 2>/dev/null && unshare -rm mount -t tmpfs none /mnt 2>/dev/null; then
  # From no room for the lock to all but the last file.
  [[ $disks != all ]] || disks=$(seq 4 16 $(($(du -sk --apparent-size whole | cut -f1) - 8)))
  for size in $disks; do
    rm -rf out
    unshare -rm bash on_small_disk.sh "$size" "${SETTINGS[@]}" || fail "after the disk of $size KiB had room again"
    equal "$(cat full.exit)" 1 "exit status on a full disk of $size KiB"
    has stderr "No space left on device"
    lacks full.names embedtool-tmp
    [[ ! -e out ]] || goes_on out
  done
  [[ $disks != 260 ]] || run 0 verify out
  printf 'disks filled: %s\n' "$(wc -w <<<"$disks")"
else
  echo "no mount namespaces here: a file size limit stands for the full disk"
fi
code=0
(ulimit -f 40 && trap '' XFSZ && exec "$BIN" encode -o limited "${SETTINGS[@]}") >stdout 2>stderr || code=$?
equal "$code" 1 "exit status beyond a file size limit"
has stderr "File too large"
goes_on limited

# Too few addresses for all that is asked: an error that says so and leaves what can be gone on with.
# Once the vectors fit, nothing fails the run: there are no peaks of the machine in the report.
if ! sanitized; then
  within() { # LIMIT IN KIB, ARGUMENTS…
    local limit=$1 code=0
    shift
    (ulimit -v "$limit" && MALLOC_ARENA_MAX=1 exec timeout 60 "$BIN" encode -o cramped "${SETTINGS[@]}" "$@") \
      >stdout 2>stderr || code=$?
    echo "$code"
  }
  limit=50000
  until code=$(within $limit) && [[ $code == 0 ]]; do
    [[ $code != 124 ]] || fail "a run hangs in an address space of $limit KiB"
    lacks stderr "internal"
    limit=$((limit + 8000))
    [[ $limit -lt 2000000 ]] || fail "no address space is enough"
  done
  goes_on cramped
  equal "$(within $limit --overwrite --report cramped.json)" 0 "exit status where measuring does not fit"
  check_json cramped.json 'd["roofline"]["peak_gbytes_per_second"] is None and d["roofline"]["why_not"] != None'

  # A stack cannot grow beyond the address space, and a thread whose stack cannot grow is killed:
  # the first one must do with what the kernel lays out, 128 kB.
  code=0
  (ulimit -s 140 && exec env -i PATH="$PATH" "$BIN" encode -o flat "${SETTINGS[@]}") >stdout 2>stderr || code=$?
  equal "$code" 0 "exit status with stacks of 140 KiB"
fi

# Out of descriptors; a directory that is read-only; an input that is not there, or a folder.
# (UBSan's check of virtual tables needs a pipe of its own.)
if ! sanitized; then
  code=0
  (ulimit -n 6 && exec "$BIN" encode -o few "${SETTINGS[@]}") >stdout 2>stderr || code=$?
  equal "$code" 1 "exit status out of descriptors"
  has stderr "Too many open files"
  goes_on few
fi
run 1 encode -m "$MODEL" -o x vanished.jsonl
has stderr "vanished.jsonl: cannot open"
mkdir empty
run 2 encode -m "$MODEL" -o x empty
has stderr "empty: the folder holds no file"
[[ ! -e x ]] || fail "an output was made for an input that is not there"
# One that vanishes between the look at it and its turn: the second of two.
mkfifo first
(sleep 0.5; rm -f second.jsonl; cat in.jsonl >first) &
cp in.jsonl second.jsonl
run 1 encode -m "$MODEL" -o gone first second.jsonl --shard-rows 500
has stderr "second.jsonl: cannot open"
wait

# Standard output closed, full, or a pipe whose reader goes: an error, an error, quiet.
code=0
"$BIN" encode -m "$MODEL" -o - in.jsonl >&- 2>stderr || code=$?
equal "$code" 1 "exit status with standard output closed"
"$BIN" encode -m "$MODEL" -o - in.jsonl 2>stderr | head -n 1 >/dev/null || true
lacks stderr "rror"

# Two at once on one output: exactly one works, the other says so.
for _ in 1 2 3; do
  rm -rf both
  codes=()
  "$BIN" encode -q -o both "${SETTINGS[@]}" >stdout 2>first.err &
  one=$!
  "$BIN" encode -q -o both "${SETTINGS[@]}" >stdout 2>second.err &
  two=$!
  for pid in $one $two; do
    code=0
    wait "$pid" || code=$?
    codes+=("$code")
  done
  case "${codes[*]}" in
    "0 5" | "5 0") ;;
    *) fail "two runs at once exit with ${codes[*]}" ;;
  esac
  cat first.err second.err >stderr
  has stderr "another run is writing this output"
  run 0 verify both
done

# A run that a signal stops while its reader sleeps, while its input sleeps, and a second signal.
mkfifo slow
for signal in INT TERM; do
  wanted=$((128 + $(kill -l $signal)))
  "$BIN" encode -q -m "$MODEL" -o - in.jsonl 2>stderr >slow &
  pid=$!
  exec 7<slow # a reader that reads nothing
  sleep 0.5
  kill -$signal $pid
  code=0
  timeout 5 tail --pid=$pid -f /dev/null || fail "SIG$signal does not end a run whose reader sleeps"
  wait $pid || code=$?
  exec 7<&-
  equal "$code" "$wanted" "SIG$signal, reader asleep"

  "$BIN" encode -q -m "$MODEL" -o waiting --overwrite - <slow 2>stderr &
  pid=$!
  exec 7>slow
  sleep 0.3
  if sanitized; then sleep 3; fi # until it is there to take signals
  kill -$signal $pid
  code=0
  timeout 5 tail --pid=$pid -f /dev/null || fail "SIG$signal does not end a run whose input sleeps"
  wait $pid || code=$?
  exec 7>&-
  equal "$code" "$wanted" "SIG$signal, input asleep"
done

# timeout(1) sends its signal twice, which asks but once.
exec 7<>slow
for _ in $(seq 20); do
  code=0
  timeout 0.4 "$BIN" encode -m "$MODEL" -o timed - <&7 2>stderr || code=$?
  equal "$code" 124 "status of timeout"
  has stderr "stopped by a signal"
done
exec 7>&-

# A second signal does not wait for anything, and the output can still be gone on with.
for _ in $(seq 20); do sed 's/"id": "[^"]*", //' in.jsonl; done >many.jsonl
"$BIN" encode -q -m "$MODEL" -o twice many.jsonl --shard-rows 500 2>stderr &
pid=$!
while [[ ! -e twice/data/part-00001.parquet ]]; do sleep 0.02; done
kill -TERM $pid
sleep 0.6
kill -TERM $pid 2>/dev/null || true
timeout 5 tail --pid=$pid -f /dev/null || fail "a second signal does not end a run at once"
code=0
wait $pid || code=$?
equal "$code" 143 "exit status after two signals"
[[ ! -e twice/manifest.json ]] || fail "a run that was stopped twice is complete"
run 0 encode -m "$MODEL" -o twice many.jsonl --shard-rows 500
has stderr "resuming after"
run 0 verify twice

# Memory: what is planned is kept, what cannot be is refused with the number, vectors stay.
run 2 encode -o small "${SETTINGS[@]}" --memory-limit 20M
has stderr "is too low: this run needs"
needed=$(sed -nE 's/.* needs at least ([0-9]+M) .*/\1/p' stderr)
limits=("$needed" 128M 300M)
! sanitized || limits=("$needed" 1G) # the program alone is larger than 128M
for limit in "${limits[@]}"; do
  rm -rf small
  run 0 encode -o small "${SETTINGS[@]}" --memory-limit "$limit"
  [[ $limit == *M ]] && bytes=$((${limit%M} << 20)) || bytes=$limit
  if ! sanitized; then
    check_json small/report.json "d['memory']['peak_rss'] <= $bytes"
  fi
  same <(vectors small) <(vectors whole) "vectors under --memory-limit"
done
# What an input unpacks to is planned, too: xz -9 takes 65 MiB.
python3 -c "
import lzma
open('in.jsonl.xz', 'wb').write(lzma.compress(open('in.jsonl', 'rb').read(), preset=9))"
if ! sanitized; then
  run 1 encode -o packed -m "$MODEL" in.jsonl.xz --memory-limit 128M
  has stderr "in.jsonl.xz: xz data that need more memory"
  has stderr "raise --memory-limit"
fi
run 0 encode -o packed -m "$MODEL" in.jsonl.xz --shard-rows 500 --memory-limit 1G
same <(vectors packed) <(vectors whole) "vectors of a packed corpus under --memory-limit"
run 2 encode -o x "${SETTINGS[@]}" --memory-limit much
has stderr "not a size such as"
