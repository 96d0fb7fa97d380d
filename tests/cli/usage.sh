#!/usr/bin/env bash
# Help, version, wrong flags and their exit statuses; settings from a file and the environment.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

run 2
has stderr "no command given"
has stderr "Commands:"
run 0 --help
has stdout "encode"
equal "$(lines stderr)" 0 "lines on standard error"
run 0 -h
run 0 help
run 0 help encode
cp stdout by-help
run 0 encode --help
same stdout by-help "help encode is encode --help"
for heading in Input: Model: Output: Work: "Messages and settings:"; do has stdout "$heading"; done
[[ $(wc -L <stdout) -le 100 ]] || fail "a help line is longer than 100 columns"

run 0 --version
for word in "embedtool 0." build: backends: isa: reference; do has stdout "$word"; done
cp stdout version
run 0 -V
same stdout version "-V is --version"

run 2 encoed
has stderr "embedtool: error: unknown command encoed; did you mean encode?"
run 2 help encoed
has stderr "unknown command encoed; did you mean encode?"
run 0 --progress never -q info builtin # options before the command
has stdout "model2vec"
run 2 --no-such info builtin
has stderr "unknown option --no-such"
run 0 info
has stdout "builtin-fast"
run 0 info --json
check_json stdout '[m["model"] for m in d] == ["builtin", "builtin-fast"] and d[0]["dimensions"] == 384'
run 2 --verison
has stderr "did you mean --version?"
run 2 encode --batchsize 3
has stderr "unknown option --batchsize; did you mean --batch-size?"
run 2 encode --frobnicate
has stderr "unknown option --frobnicate"
lacks stderr "did you mean"
run 2 encode --to parket
has stderr "parket is not one of parquet, npy, jsonl"
run 2 encode --dims -3
has stderr "'-3' is not a whole number of at least 1"
run 2 encode --dims 99999999999999999999999
run 2 encode --dims
has stderr "--dims needs a value"
run 2 encode -q -v
run 2 encode some-input
has stderr "--output"
run 2 info one two
run 2 verify
has stderr "OUT is missing"
run 2 search
has stderr "OUT is missing"
run 2 export
for command in encode info verify export search tokenize report tune; do run 0 "$command" --help; done

# JSON messages: one object a line.
# Colors: not in a file unless they are asked for, and then also against NO_COLOR.
run 1 verify nowhere
lacks stderr $'\033'
NO_COLOR=1 run 1 verify nowhere --color always
has stderr $'\033[1;31merror'
run 1 --color never verify nowhere
lacks stderr $'\033'
run 2 verify nowhere --color blue
run 1 encode missing.jsonl -o out --log-format json
check_jsonl stderr 'all({"time", "level", "message"} <= set(l) for l in d) and d[-1]["level"] == "error"'
[[ ! -e out ]] || fail "an output was made for an input that does not exist"

# Settings: command line over file over environment over default.
echo '{"id": "a", "text": "one text"}' >in.jsonl
ids() { run 0 tokenize in.jsonl -m "$MODEL" "$@" && jsonl stdout 'd[0]["n_tokens"]'; }
plain=$(ids)
equal "$(ids --max-length 3)" 3 "tokens by the command line"
equal "$(EMBEDTOOL_MAX_LENGTH=3 ids)" 3 "tokens by the environment"
printf '[tokenize]\nmax-length = 3\n[encode]\nmax-length = 2\n' >settings.toml
equal "$(ids --config settings.toml)" 3 "tokens by a section of the file"
printf 'max-length = 3\nshard-rows = 7\n' >shared.toml
equal "$(ids --config shared.toml)" 3 "tokens by the file, beside another command's setting"
equal "$(EMBEDTOOL_MAX_LENGTH=2 ids --config settings.toml)" 2 "environment over file"
equal "$(ids --config settings.toml --max-length 100)" "$plain" "command line over file"
equal "$(EMBEDTOOL_CONFIG=settings.toml ids)" 3 "the file named by the environment"
mkdir -p home/.config/embedtool xdg/embedtool
cp settings.toml home/.config/embedtool/config.toml
printf 'max-length = 4\n' >xdg/embedtool/config.toml
equal "$(HOME=home XDG_CONFIG_HOME='' ids)" 3 "the file below the home folder"
equal "$(HOME=home XDG_CONFIG_HOME=xdg ids)" 4 "the file below XDG_CONFIG_HOME"
equal "$(HOME=home XDG_CONFIG_HOME=xdg ids --config settings.toml)" 3 "a file that is named, instead"
equal "$(HOME=home XDG_CONFIG_HOME=xdg ids --config /dev/null)" "$plain" "no settings at all"
echo 'max-lenght = 3' >typo.toml
run 2 tokenize in.jsonl -m "$MODEL" --config typo.toml
has stderr "max-lenght is not a setting; did you mean max-length?"
printf '[encoed]\ndims = 3\n' >section.toml
run 2 encode in.jsonl --config section.toml
has stderr "unknown section [encoed]; did you mean encode?"
run 2 encode in.jsonl --config nowhere.toml
has stderr "nowhere.toml"

# -v: where settings come from, what computes, what was read and published.
printf 'shard-rows = 60\n' >own.toml
corpus 100 | gzip >packed.jsonl.gz
EMBEDTOOL_THREADS=1 run 0 encode -v --config own.toml -m "$MODEL" packed.jsonl.gz -o detailed
for line in 'environment: EMBEDTOOL_THREADS=1' 'settings: own.toml' 'model: ' '1 worker, f32 by ' \
  'packed.jsonl.gz: jsonl in gzip, 100 records' 'published data/part-00001.parquet: 40 rows'; do
  has stderr "$line"
done
EMBEDTOOL_THREADS=1 run 0 encode --config own.toml -m "$MODEL" packed.jsonl.gz -o plain
lacks stderr "settings: "
