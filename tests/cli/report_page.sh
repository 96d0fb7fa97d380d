#!/usr/bin/env bash
# The page: one file, no network, drawn by a real browser where there is one; runs side by side.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

corpus 600 >in.jsonl
encode one in.jsonl --report run.html --window 200
encode two in.jsonl -q --batch-size 8
[[ $(json one/report.json 'd["roofline"]["peak_gflops"] > 0') == True ]] ||
  fail "--report measures the machine's peaks"
check_json two/report.json 'd["roofline"]["peak_gflops"] is None and d["roofline"]["why_not"] is not None'
check_json one/report.json 'd["accounting"]["cpu_unexplained_percent"] <= 5 and d["accounting"]["wall_unexplained_percent"] <= 5'

run 0 report one
has stdout "total time"
run 0 report one two/report.json
[[ $(head -n 1 stdout) == *one*two* ]] || fail "two runs side by side: $(head -n 3 stdout)"
run 0 report one two -o both.html
for page in run.html both.html; do
  lacks "$page" 'src='
  lacks "$page" '@import'
  if grep -oE 'https?://[^"]*' "$page" | grep -v 'www.w3.org'; then fail "$page names a network address"; fi
done
# A name with markup in it stays a name.
cp -r one 'a<script><b>'
run 0 report 'a<script><b>' -o odd.html
equal "$(grep -c '</script>' odd.html)" "$(grep -c '</script>' run.html)" "script elements"

run 1 report nowhere
has stderr "no report found"
echo '{"schema": 1}' >old.json
run 1 report old.json
has stderr "schema 1"
echo 'no json' >broken.json
run 1 report broken.json

browser=$(command -v chromium chromium-browser google-chrome | head -n 1) || skip "no browser: the pages were not drawn"
for page in run.html both.html odd.html; do
  timeout 120 "$browser" --headless=new --no-sandbox --disable-gpu --user-data-dir="$WORK/browser" \
    --virtual-time-budget=5000 --dump-dom "file://$WORK/$page" >all 2>log || skip "the browser does not run here"
  sed '/<script type=/,$d' all >dom # what was drawn, without the script and its data
  [[ $(grep -c '<section>' dom) -ge 1 ]] || fail "$page: the script drew nothing: $(tail -n 3 log)"
  for title in "Where the time went" "Threads over time" "Throughput" "Memory" "Text lengths and batches" \
    "Advice"; do
    has dom "$title"
  done
  lacks dom NaN
  lacks dom undefined
done
