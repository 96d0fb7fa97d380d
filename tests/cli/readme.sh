#!/usr/bin/env bash
# The README's worked examples do what they say: the Makefile and the cron line as they stand there.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

PATH=$(dirname "$BIN"):$PATH
# The fenced block of a language.
block() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "$SOURCE/README.md" | sed '1d;$d'; }

corpus 30 >corpus.jsonl
printf 'a stone house\nwater and music\n' >queries.txt

# The pipe, with what git would print.
# A reader that has had enough ends the program by SIGPIPE, where it was not done already.
for i in $(seq 5); do echo "commit message $i"; done |
  { embedtool encode -o - || [[ $? == 141 ]]; } | head -n 3 >stdout
check_jsonl stdout '[r["id"] for r in d] == ["0", "1", "2"] and len({len(r["embedding"]) for r in d}) == 1'

# The cron line: its two folders moved here, and % unescaped as cron does.
block cron | sed -e "s|/srv/models/[^ ]*|$MODEL|" -e "s|/srv/docs|.|; s|/srv/index|index|g" \
  -e 's|/var/lib/node_exporter/textfile|.|' -e 's/^[^ ]* [^ ]* \* \* \*  *//' -e 's/\\%/%/g' >cron.sh
[[ -s cron.sh ]] || fail "README.md has no cron example"
mkdir index
bash -e cron.sh
[[ -f index/$(date +%F)/manifest.json ]] || fail "the cron example made no output: $(ls -R index)"
run 0 verify index/current
has embedtool.prom embedtool_last_success_timestamp_seconds
# The next nights, of which the newest seven outputs stay.
for night in 1 2 3 4 5 6 7 8; do
  echo "{\"id\":\"new$night\",\"text\":\"what night $night brings\"}" >>corpus.jsonl
  sed "s|\$(date +%F)|night$night|" cron.sh >night.sh
  bash -e night.sh
  equal "$(readlink index/current)" "night$night" "where the link leads"
  check_json "index/night$night/report.json" 'd["counts"]["encoded"] - d["counts"]["checked"] == 1'
done
equal "$(cd index && echo *)" "current night2 night3 night4 night5 night6 night7 night8" "outputs that are left"

if command -v make >/dev/null; then
  block make >Makefile
  make -s nearest.txt
  [[ $(grep -c . nearest.txt) -ge 20 ]] || fail "nearest.txt is short: $(cat nearest.txt)"
  run 0 verify vectors
  [[ $(make nearest.txt 2>&1) == *"up to date"* ]] || fail "make works twice for one corpus"
  touch corpus.jsonl
  make -s nearest.txt
else
  echo "no make here: the Makefile example was not run"
fi
