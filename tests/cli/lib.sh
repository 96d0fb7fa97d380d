# Shared by the end-to-end cases. A case is `tests/cli/NAME.sh BINARY`; it exits 0 when everything
# held, 77 when something that it needs is missing, and anything else with a line saying what broke.
# shellcheck shell=bash
set -Eeuo pipefail
trap 'printf "FAILED: line %s: %s\n" "$LINENO" "$BASH_COMMAND" >&2' ERR

BIN=$(realpath "$1")
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
SHARED=${EMBEDTOOL_SHARED:-$SOURCE/../shared}
MODEL=$SOURCE/tests/golden/data/bert/model # two layers, random weights
WORK=$(mktemp -d "${TMPDIR:-/tmp}/embedtool-cli.XXXXXX")
trap 'chmod -R u+w "$WORK"; rm -rf "$WORK"' EXIT
cd "$WORK"
export BIN SOURCE SHARED MODEL WORK
export XDG_CONFIG_HOME=$WORK/no-settings

# Settings of whoever runs the tests must not reach the program under test.
while IFS='=' read -r name _; do
  [[ $name == EMBEDTOOL_SHARED ]] || unset "$name"
done < <(env | grep '^EMBEDTOOL_' || true)

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  if [[ -s stderr ]]; then
    printf -- '--- last standard error:\n' >&2
    tail -n 20 stderr >&2
  fi
  exit 1
}

skip() {
  printf 'skipped: %s\n' "$*"
  exit 77
}

# Runs the program; output in the files stdout and stderr. Fails unless it exits with CODE.
# run CODE ARGUMENT…
run() {
  local wanted=$1 got=0
  shift
  "$BIN" "$@" >stdout 2>stderr || got=$?
  [[ $got == "$wanted" ]] || fail "exit status $got instead of $wanted: embedtool $*"
}

# has FILE TEXT: the file holds the text, literally.
has() { grep -qF -e "$2" "$1" || fail "$1 lacks '$2': $(head -c 600 "$1")"; }
lacks() { if grep -qF -e "$2" "$1"; then fail "$1 holds '$2'"; fi; }
equal() { [[ $1 == "$2" ]] || fail "${3:-value} is '$1' instead of '$2'"; }
same() { cmp -s "$1" "$2" || fail "$1 and $2 differ${3:+: $3}"; }
# files FOLDER: the names of all files in it and below, without the folder's.
files() { (cd "$1" && find . -type f | sed 's|^\./||' | LC_ALL=C sort); }
lines() { wc -l <"$1" | tr -d ' '; }

# data OUT: hashes of all that must be equal, whatever the run was; not the report, which has times.
data() { (cd "$1" && find . -type f ! -name report.json -exec md5sum {} + | LC_ALL=C sort -k2); }

# json FILE EXPRESSION: evaluates a Python expression over the parsed file as `d`.
json() {
  python3 -c 'import json, math, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$@"
}

# jsonl FILE EXPRESSION: the same over the list of all lines as `d`.
jsonl() {
  python3 -c 'import json, math, sys
d = [json.loads(l) for l in open(sys.argv[1])]
print(eval(sys.argv[2]))' "$@"
}

# check_json FILE EXPRESSION: the expression is true.
check_json() { [[ $(json "$1" "$2") == True ]] || fail "not true of $1: $2"; }
check_jsonl() { [[ $(jsonl "$1" "$2") == True ]] || fail "not true of $1: $2"; }

# encode OUT ARGUMENT…: encodes with the small model; must succeed.
encode() {
  local out=$1
  shift
  run 0 encode -m "$MODEL" -o "$out" "$@"
}

# sanitized: true of a build whose sanitizer takes memory and descriptors for itself.
sanitized() { nm -D "$BIN" 2>/dev/null | grep -E '__(asan|tsan)_init' >/dev/null; }

# vectors OUT: the vectors of an output as JSONL, to compare.
vectors() { "$BIN" export "$1" --to jsonl -o -; }

# corpus ROWS: a corpus of many lengths, ids r0…, some texts equal.
corpus() {
  python3 - "$1" <<'PY'
import json, random, sys
random.seed(7)
words = 'the a of river stone light house walks under over green seven ideas about water and music'.split()
for i in range(int(sys.argv[1])):
    n = random.choice([1, 3, 8, 20, 60])
    text = 'the same text' if i % 17 == 5 else ' '.join(random.choice(words) for _ in range(n))
    print(json.dumps({'id': f'r{i}', 'text': text, 'lang': random.choice(['en', 'de'])}))
PY
}
