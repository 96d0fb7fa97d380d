#!/usr/bin/env bash
# What a run tells monitoring: the metrics file from start to end, and JSON logs.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

corpus 500 >in.jsonl
metric() { sed -nE "s/^embedtool_$1\{.*\} (.*)\$/\1/p" run.prom; }

# Success: the end is told, and when it was.
before=$(date +%s)
encode out in.jsonl --metrics-file run.prom
equal "$(metric run_active)" 0 "run_active"
equal "$(metric run_exit_code)" 0 "run_exit_code"
equal "$(metric run_rows)" 500 "run_rows"
success=$(metric last_success_timestamp_seconds)
[[ ${success%.*} -ge $before ]] || fail "last success $success lies before the run"

# A failure is told as well, and the last success is remembered.
run 1 encode -m "$MODEL" -o out2 missing.jsonl --metrics-file run.prom
equal "$(metric run_exit_code)" 1 "run_exit_code of a failure"
equal "$(metric last_success_timestamp_seconds)" "$success" "last success after a failure"
run 4 encode -m "$WORK" -o out2 in.jsonl --metrics-file run.prom
equal "$(metric run_exit_code)" 4 "run_exit_code without a model"
equal "$(metric last_success_timestamp_seconds)" "$success" "last success after a second failure"

# Nothing to do is a success.
encode out in.jsonl --metrics-file run.prom
equal "$(metric run_exit_code)" 0 "run_exit_code of nothing to do"

# While it runs: rewritten, and whole whenever it is looked at. The pipe stays open until then.
mkfifo pipe
exec 8<>pipe
head -n 3 in.jsonl >&8
"$BIN" encode -m "$MODEL" -o - --to jsonl - --metrics-file run.prom <pipe >vectors.jsonl 2>stderr 8>&- &
pid=$!
for _ in $(seq 300); do
  [[ $(metric run_active) == 1 && $(metric run_records) == 3 ]] && break
  tail -n 1 run.prom | grep -q '^embedtool_.* [0-9.e+-]*$' || fail "half a file: $(tail -n 1 run.prom)"
  sleep 0.1
done
equal "$(metric run_active)" 1 "run_active during the run"
equal "$(metric run_records)" 3 "run_records during the run"
lacks run.prom run_exit_code
# A stop by a signal is a failure with the status of the process.
kill -TERM "$pid"
code=0
wait "$pid" || code=$?
equal "$code" 143 "exit status"
exec 8>&-
equal "$(metric run_exit_code)" 143 "run_exit_code after a signal"
if find . -name '.embedtool-tmp-*' | grep -q .; then fail "temporary files are left"; fi

# One that cannot be written ends the run before any work.
run 1 encode -m "$MODEL" -o out3 in.jsonl --metrics-file no/such/folder/run.prom
has stderr "no/such/folder"
[[ ! -e out3 ]] || fail "work began without a metrics file"

# JSON logs: every line an object, also of what is wrong with a command line.
encode out4 in.jsonl --log-format json --progress always
check_jsonl stderr 'all(set(l) <= {"time", "level", "message", "fields"} and l["message"] for l in d)'
check_jsonl stderr 'd[-1]["level"] == "info" and d[-1]["fields"]["rows"] == 500 and d[-1]["fields"]["interrupted"] is False'
for arguments in "--log-format json --no-such-option" "--no-such-option --log-format=json" "--log-format json -o out5 missing"; do
  # shellcheck disable=SC2086
  "$BIN" encode $arguments >stdout 2>stderr && fail "no failure: $arguments"
  check_jsonl stderr 'd[-1]["level"] == "error" and d[-1]["message"] != ""'
done
EMBEDTOOL_LOG_FORMAT=json "$BIN" no-such-command 2>stderr && fail "no failure"
check_jsonl stderr 'len(d) == 1 and d[0]["level"] == "error"'
printf '{"text": 1}\nnot json\n{"text": "good"}\n' >bad.jsonl
encode out6 bad.jsonl --log-format json
check_jsonl stderr 'any(l["level"] == "warning" for l in d)'
