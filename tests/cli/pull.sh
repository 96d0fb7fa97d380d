#!/usr/bin/env bash
# embedtool pull against a server that behaves as a hub does, and as hubs and networks misbehave: in
# each case the model is whole or an error says why, and no file of the cache is wrong.
# EMBEDTOOL_TEST_KILLS=N sets how many pulls are killed.
kills=${EMBEDTOOL_TEST_KILLS:-10}
RANDOM=${EMBEDTOOL_TEST_SEED:-1}
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"
HERE=$SOURCE/tests/cli
SHIM=$(dirname "$BIN")/tests/libfault_shim.so
unset HUGGINGFACE_HUB_CACHE HF_HOME XDG_CACHE_HOME HF_HUB_OFFLINE TRANSFORMERS_OFFLINE HF_TOKEN \
  HF_TOKEN_PATH http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy SSL_CERT_FILE
export HOME=$WORK/home HF_HUB_CACHE=$WORK/cache HF_HUB_DOWNLOAD_TIMEOUT=2

commit=0123456789abcdef0123456789abcdef01234567
mkdir -p hub/org state
cp -r "$MODEL" hub/org/small
python3 - <<'PY'
import pathlib, random
random.seed(3)
small = pathlib.Path('hub/org/small')
(small / 'onnx').mkdir()
(small / 'onnx/model.onnx').write_bytes(random.randbytes(300_000))
(small / 'pytorch_model.bin').write_bytes(random.randbytes(200_000))
(small / 'name with %, + and ü.txt').write_bytes(b'')
large = pathlib.Path('hub/org/large')
large.mkdir()
(large / 'config.json').write_bytes((small / 'config.json').read_bytes())
(large / 'model.safetensors').write_bytes(random.randbytes(5_000_000))
onnx = pathlib.Path('hub/org/onnx')
onnx.mkdir()
(onnx / 'config.json').write_text('{}')
(onnx / 'model.onnx').write_bytes(b'x')
ggufs = pathlib.Path('hub/org/ggufs')
ggufs.mkdir()
for kind in 'Q8_0', 'F16':
    (ggufs / f'model-{kind}.gguf').write_bytes(kind.encode())
PY
python3 "$HERE/fake_hub.py" hub state &
server=$!
trap 'kill $server; chmod -R u+w "$WORK"; rm -rf "$WORK"' EXIT
for _ in $(seq 100); do [[ -e state/endpoint ]] || sleep 0.1; done
HF_ENDPOINT=$(cat state/endpoint)
export HF_ENDPOINT

# with FAULT…: what the server does wrong from now on, and an empty log.
with() {
  printf '%s\n' "$@" >state/faults
  : >state/log
}
# requests [EXPRESSION]: how many requests there were, of those for which it is true.
requests() { jsonl state/log "sum(1 for r in d if ${1:-True})"; }
sent() { jsonl state/log 'sum(r["sent"] for r in d)'; }
# whole CACHE MODEL: every blob is what its name says, and nothing else is there.
whole() {
  python3 - "$1" "hub/org/$2" <<'PY' || fail "$1 is not whole: $(find "$1" -type f | head -20)"
import hashlib, pathlib, sys
cache, source = map(pathlib.Path, sys.argv[1:])
for blob in cache.glob('models--*/blobs/*'):
    data = blob.read_bytes()
    names = hashlib.sha256(data).hexdigest(), hashlib.sha1(b'blob %d\0' % len(data) + data).hexdigest()
    assert blob.name in names, blob
repo = cache / f'models--org--{source.name}'
snapshot, = (repo / 'snapshots').iterdir()
files = [path for path in snapshot.rglob('*') if not path.is_dir()]
assert len(files) >= 2
for path in files:
    assert path.is_symlink() and path.read_bytes() == (source / path.relative_to(snapshot)).read_bytes(), path
assert {path.name for path in repo.iterdir()} <= {'blobs', 'refs', 'snapshots', '.embedtool'}, list(repo.iterdir())
PY
}
# blobs_right CACHE: the same of the blobs alone; files on their way may be there.
blobs_right() {
  python3 - "$1" <<'PY' || fail "$1 has a wrong blob"
import hashlib, pathlib, sys
for blob in pathlib.Path(sys.argv[1]).glob('models--*/blobs/*'):
    data = blob.read_bytes()
    names = hashlib.sha256(data).hexdigest(), hashlib.sha1(b'blob %d\0' % len(data) + data).hexdigest()
    assert blob.name in names or blob.name.endswith('.embedtool'), blob
PY
}
fresh() { rm -rf cache; }

# --- What is fetched, and how often is asked.
with none
run 0 pull org/small --dry-run
has stdout "model.safetensors"
for name in onnx bin vocab_x name; do lacks stdout "$name"; done
has stderr "*.bin (200 kB)"
has stderr "onnx/ (300 kB)"
[[ ! -e cache ]] || fail "a dry run wrote"
with none
run 0 pull org/small
equal "$(cat stdout)" "$WORK/cache/models--org--small/snapshots/$commit"
whole cache small
fetched=$(files cache/models--org--small/blobs | wc -l)
equal "$(requests '"/cdn/" not in r["path"]')" $((fetched + 2)) "requests for a fresh model"
run 0 info org/small
with none
run 0 pull org/small
equal "$(requests)" 1 "requests for a branch that is here"
run 0 pull "org/small@$commit"
equal "$(requests)" 1 "requests for a commit that is here"
run 0 pull org/small@refs/pr/1
run 0 info org/small@refs/pr/1
HF_HUB_OFFLINE=1 run 0 pull org/small
equal "$(requests)" 2 "requests while offline"
HF_HUB_OFFLINE=1 run 4 pull org/large
has stderr "HF_HUB_OFFLINE"
run 0 encode -m org/small -o out <(echo '{"text": "a stone house"}') -q
run 0 encode -m "$MODEL" -o plain <(echo '{"text": "a stone house"}') -q
diff <(vectors out) <(vectors plain) || fail "other vectors than of the folder"

run 0 pull org/small --include 'onnx/*' --exclude vocab.txt --dir plain-files
equal "$(cat stdout)" plain-files
diff <(files plain-files) <(files hub/org/small | grep -vE 'bin$|vocab|name') || fail "--dir"
with none
run 0 pull org/small --include 'onnx/*' --exclude vocab.txt --dir plain-files
equal "$(requests)" 2 "requests for a folder that is whole"
echo x >>plain-files/config.json
run 0 pull org/small --dir plain-files
same hub/org/small/config.json plain-files/config.json

run 4 pull org/onnx
has stderr "holds no weights that embedtool reads"
has stderr "*.onnx"
run 4 pull org/ggufs
has stderr "name one with --include: model-F16.gguf, model-Q8_0.gguf"
run 0 pull org/ggufs --include '*Q8_0.gguf'
whole_name=$(cat stdout)
equal "$(ls "$whole_name")" model-Q8_0.gguf

# --- What is damaged or half there is mended.
blob=$(realpath "cache/models--org--small/snapshots/$commit/model.safetensors")
printf x | dd of="$blob" bs=1 seek=5000 conv=notrunc status=none
run 0 pull org/small --verify
has stderr "not those that its name promises"
fresh
run 0 pull org/small
rm "cache/models--org--small/snapshots/$commit/1_Pooling/config.json" \
  "cache/models--org--small/refs/main"
with none
run 0 pull org/small
equal "$(requests '"/resolve/" in r["path"]')" 0 "files fetched again"
whole cache small

# --- Faults after which all is well.
for fault in cut no_range hops=3 errors=3 limit=1 retry_after=1 weak pages flip=1 chunked=0 \
  "cut no_range hops=2"; do
  fresh
  # shellcheck disable=SC2086 # several words are several faults
  with $fault
  case $fault in
    *cut*no_range*) run 1 pull org/large ;; # never gets further than the first piece
    flip=1) run 1 pull org/small ;;         # right the next time
    *) run 0 pull org/small -v ;;
  esac
  blobs_right cache
  if [[ $fault == flip=1 || $fault == *cut*no_range* ]]; then
    [[ ! -e cache/models--org--small/snapshots && ! -e cache/models--org--large/snapshots ]] ||
      fail "$fault: a snapshot"
    with none
    run 0 pull org/small
  fi
  rm -rf cache/models--org--large
  whole cache small
done
fresh
with cut
run 0 pull org/large --progress always
has stderr " of 5.0 MB"
has stderr " left"
equal "$(sent | awk '{print ($1 < 5100000)}')" 1 "bytes of a connection that is cut"
[[ $(requests 'r["range"]') -gt 50 ]] || fail "cut connections are not resumed"
whole cache large

# --- Faults that end the pull, each with its reason; nothing wrong is ever visible.
refused() { # refused STATUS TEXT FAULT…
  local status=$1 text=$2
  shift 2
  fresh
  with "$@"
  run "$status" pull org/small --timeout 3s
  has stderr "$text"
  [[ ! -e cache/models--org--small/snapshots ]] || fail "$*: a snapshot"
  [[ ! -d cache ]] || blobs_right cache
}
refused 1 "(5 attempts)" errors=100
refused 1 "asks to wait 10" limit=10
refused 4 "HF_TOKEN is not set" gated
refused 4 "$HF_ENDPOINT/org/small" gated
refused 1 "redirects more than 10 times" loop
refused 1 "'file:///etc/passwd'" elsewhere=file:///etc/passwd
refused 1 "'http://user@127.0.0.1/x'" elsewhere=http://user@127.0.0.1/x
refused 1 "comes as gzip" gzip
refused 1 "in the listing" length=7
refused 1 "has more than the" chunked=9
refused 1 "other bytes than the hub's git hash" flip
refused 1 "lists config.json but does not have it" entry=config.json
HF_HUB_DOWNLOAD_TIMEOUT=1 refused 1 "(5 attempts)" slow
for path in ../../x /etc/x a/../b ./a a//b 'a\b' '%00' 'a%0ab' ''; do
  refused 1 "which is refused" "path=$path"
done
refused 1 "no size or no hash" size=-1
refused 1 "no size or no hash" size=1e300
refused 1 "no size or no hash" 'size="x"'
refused 1 "no size or no hash" size=99999999999999999
refused 1 "no size or no hash" hash=../../x
refused 1 "has 426 bytes, but 9 in the listing" size=9
refused 1 "twice" twice
refused 1 "longer than" huge
refused 1 "tree/$commit" deep
refused 1 "goes on elsewhere, or without an end" pages=endless
refused 1 "free on the disk" size=900000000000000
with none
run 4 pull org/none
has stderr "has no such model"
run 4 pull org/small@v7
has stderr "no revision 'v7'"
run 2 pull org/../small
run 2 pull 'org/small@a..b'
HF_ENDPOINT=ftp://x run 2 pull org/small
HF_ENDPOINT=http://127.0.0.1:1 run 1 pull org/small
has stderr "(5 attempts)"

# --- The token goes to the hub alone.
fresh
with hops=1
HF_TOKEN=hf_secret run 0 pull org/small -v
equal "$(requests 'r["token"] and r["host"].startswith("127.")')" \
  "$(requests 'r["host"].startswith("127.")')" "requests with the token"
[[ $(requests 'r["host"].startswith("localhost")') -gt 0 ]] || fail "nothing came from the other host"
equal "$(requests 'r["token"] and r["host"].startswith("localhost")')" 0 "tokens elsewhere"
lacks stderr hf_secret
mkdir -p "$HOME/.cache/huggingface"
echo hf_file >"$HOME/.cache/huggingface/token"
with none
run 0 pull org/small --verify
equal "$(requests 'r["token"]')" 1 "requests with the file's token"
rm -r "$HOME"
with gated
HF_TOKEN=hf_secret run 4 pull org/large
has stderr "HF_TOKEN is set"
# A proxy gets what is for the hub.
with none
fresh
proxy=$HF_ENDPOINT
http_proxy=$proxy HF_ENDPOINT=http://hub.invalid run 4 pull org/none
[[ $(requests '"hub.invalid" in r["host"]') -gt 0 ]] || fail "the proxy was not used"

# --- Encrypted: only to whom is trusted, and never on to where it is not.
if command -v openssl >/dev/null; then
  mkdir secure
  openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out secure/authority.pem -days 2 -subj /CN=hub \
    -addext 'subjectAltName=IP:127.0.0.1,DNS:localhost' 2>/dev/null
  cat key.pem secure/authority.pem >secure/cert.pem
  python3 "$HERE/fake_hub.py" hub secure &
  secure=$!
  trap 'kill $server $secure; chmod -R u+w "$WORK"; rm -rf "$WORK"' EXIT
  for _ in $(seq 100); do [[ -e secure/endpoint ]] || sleep 0.1; done
  fresh
  HF_ENDPOINT=$(cat secure/endpoint) run 1 pull org/small
  has stderr "SSL_CERT_FILE names"
  HF_ENDPOINT=$(cat secure/endpoint) SSL_CERT_FILE=secure/authority.pem HF_TOKEN=hf_secret run 0 pull org/small
  whole cache small
  [[ $(jsonl secure/log 'sum(r["token"] for r in d)') -gt 2 ]] || fail "no token over https"
  fresh
  echo "elsewhere=$HF_ENDPOINT/x" >secure/faults
  HF_ENDPOINT=$(cat secure/endpoint) SSL_CERT_FILE=secure/authority.pem run 1 pull org/small
  has stderr "redirects to where no file can be fetched safely"
fi

# --- Several at once: each file is fetched once, also where locks are none.
fresh
with pace=40
for k in 1 2 3 4; do "$BIN" pull org/large >"out.$k" 2>"err.$k" & pids[k]=$!; done
for k in 1 2 3 4; do wait "${pids[k]}" || fail "pull $k of four: $(cat "err.$k")"; done
whole cache large
equal "$(requests '"/resolve/" in r["path"]')" 2 "files fetched by four"
has <(cat err.?) "another process downloads it; waiting"
if [[ -e $SHIM ]] && LD_PRELOAD=$SHIM "$BIN" --version >/dev/null 2>&1; then
  fresh
  for k in 1 2 3 4; do
    LD_PRELOAD=$SHIM FAULT_FLOCK=0 "$BIN" pull org/large >"out.$k" 2>"err.$k" & pids[k]=$!
  done
  for k in 1 2 3 4; do wait "${pids[k]}" || fail "pull $k of four without locks: $(cat "err.$k")"; done
  whole cache large
  # A full disk is named, and what was written is gone on with.
  fresh
  with none
  LD_PRELOAD=$SHIM FAULT_UNDER=$WORK/cache FAULT_AT=60 FAULT_MODE=28 run 1 pull org/large
  has stderr "No space left on device; make room"
  with none
  run 0 pull org/large
  [[ $(requests 'r["range"]') -gt 0 ]] || fail "not resumed after a full disk"
  whole cache large
fi

# --- Killed at any instant: nothing wrong is visible, and hardly a byte is fetched twice.
fresh
with pace=$((300 / kills + 1))
for ((k = 1; k <= kills; k++)); do
  "$BIN" pull org/large >/dev/null 2>&1 &
  pid=$!
  sleep "0.$((RANDOM % 35 + 10))"
  kill -9 "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  blobs_right cache
  if [[ -d cache/models--org--large/snapshots ]]; then
    whole cache large
    again=$k
    break
  fi
done
run 0 pull org/large
whole cache large
[[ ${again:-$kills} -gt $((kills / 4)) ]] || fail "whole after $again kills: the pace is too fast"
[[ $(sent) -lt $((5000000 + ${again:-$kills} * 1048576)) ]] || fail "fetched $(sent) bytes in all"
# A signal is an orderly end.
fresh
with pace=20
"$BIN" pull org/large >stdout 2>stderr &
pid=$!
sleep 1
kill -INT "$pid"
code=0
wait "$pid" || code=$?
equal "$code" 130 "exit status after SIGINT"
has stderr "the same command goes on from here"
with none
run 0 pull org/large
whole cache large

# --- Nothing but pull has to do with a network.
if command -v ldd >/dev/null; then ldd "$BIN" >libraries && lacks libraries libcurl; fi
code=0
python3 "$HERE/no_sockets.py" python3 -c 'import socket; socket.socket()' 2>/dev/null || code=$?
if [[ $code == 159 || $code == 134 || $code == 31 || $code -gt 128 ]]; then
  fresh
  with none
  run 0 pull org/small
  for command in "encode -m org/small -o quiet - -q" "tokenize -m org/small -"; do
    # shellcheck disable=SC2086
    echo '{"text": "a river"}' | python3 "$HERE/no_sockets.py" "$BIN" $command >stdout 2>stderr ||
      fail "$command makes a socket"
  done
  python3 "$HERE/no_sockets.py" "$BIN" info >stdout 2>stderr || fail "info makes a socket"
  python3 "$HERE/no_sockets.py" "$BIN" pull "org/small@$commit" >stdout 2>stderr ||
    fail "pull of a commit that is here makes a socket"
  HF_HUB_OFFLINE=1 python3 "$HERE/no_sockets.py" "$BIN" pull org/small >stdout 2>stderr ||
    fail "pull makes a socket offline"
  if python3 "$HERE/no_sockets.py" "$BIN" pull org/large >stdout 2>stderr; then
    fail "the filter filters nothing"
  fi
else
  printf 'not checked: no filter for system calls here (%s)\n' "$code"
fi
