#!/usr/bin/env bash
# Models in the hub's cache: found by name and revision without a network, named where they are
# missing or incomplete; what an output records does not depend on where the cache is.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"
unset HF_HUB_CACHE HUGGINGFACE_HUB_CACHE HF_HOME XDG_CACHE_HOME HF_HUB_OFFLINE
export HOME=$WORK/home

commit=0123456789abcdef0123456789abcdef01234567
# cached CACHE: puts the small model there, as org/small, in links as huggingface_hub makes them.
cached() {
  local repo=$1/models--org--small file up
  mkdir -p "$repo"/{blobs,refs}
  printf '%s' "$commit" >"$repo/refs/main"
  while read -r file; do
    mkdir -p "$(dirname "$repo/snapshots/$commit/$file")"
    cp "$MODEL/$file" "$repo/blobs/$(sha256sum "$MODEL/$file" | cut -c -64)"
    up=../..
    [[ $file != */* ]] || up=../../..
    ln -s "$up/blobs/$(sha256sum "$MODEL/$file" | cut -c -64)" "$repo/snapshots/$commit/$file"
  done < <(files "$MODEL")
}
corpus 40 >in.jsonl
encode plain in.jsonl

# The cache is where huggingface_hub has it.
cached "$HOME/.cache/huggingface/hub"
run 0 encode -m org/small -o out in.jsonl
diff <(vectors plain) <(vectors out) || fail "other vectors than of the folder"
cached first
cached second/hub
cached third/huggingface/hub
rm -r "$HOME"
run 4 encode -m org/small -o none in.jsonl
has stderr "embedtool pull org/small"
XDG_CACHE_HOME=third run 0 info org/small
HF_HOME=second XDG_CACHE_HOME=none run 0 info org/small
HUGGINGFACE_HUB_CACHE=first HF_HOME=none run 0 info org/small
HF_HUB_CACHE=first HUGGINGFACE_HUB_CACHE=none run 0 info org/small

# What is recorded is the model and its commit, wherever the cache is.
identity='{k: v for k, v in d.items() if k.startswith("model") and k != "model_files"} or d["settings"]'
HF_HUB_CACHE=first run 0 encode -m "org/small@$commit" -o named in.jsonl
equal "$(json named/manifest.json "$identity")" "$(json out/manifest.json "$identity")"
check_json named/manifest.json "'org/small@$commit' in json.dumps(d)"
for file in named/manifest.json named/report.json; do lacks "$file" "models--org"; done
HF_HUB_CACHE=second/hub run 0 encode -m org/small -o named in.jsonl
has stderr "up to date"
HF_HUB_CACHE=second/hub run 0 search named stone -k 1
run 4 search named stone -k 1
has stderr "embedtool pull org/small@$commit"

# A folder of that name comes first; so does the repository's folder by its path.
mkdir -p org
cp -r "$MODEL" org/small
HF_HUB_CACHE=first run 0 info org/small --json
check_json stdout 'd["model"] == "small"'
rm -r org
run 0 info first/models--org--small --json
check_json stdout 'd["model"] == "org/small"'
HF_HUB_CACHE=first run 0 tokenize -m org/small in.jsonl
mv stdout ids
run 0 tokenize -m "$MODEL" in.jsonl
same stdout ids

# Revisions.
HF_HUB_CACHE=first run 4 info org/small@v2
has stderr "there are @main, @$commit"
HF_HUB_CACHE=first run 4 info 'org/small@../../x'
has stderr "no such model"

# A part of a model is named as such, and the list says so.
export HF_HUB_CACHE=first
run 0 info
has stdout "In the hub's cache, first:"
grep -qE '^org/small +0123456789ab \(main\) +[0-9]+ kB +yes$' stdout || fail "not listed: $(cat stdout)"
rm -r first/models--org--small/snapshots/*/1_Pooling
run 4 encode -m org/small -o none in.jsonl
has stderr "only a part of it is in the hub's cache"
has stderr "has no 1_Pooling/config.json"
run 0 info --json
check_json stdout 'd[-1]["model"] == "org/small" and not d[-1]["loadable"]'
check_json stdout '"1_Pooling/config.json" in d[-1]["problem"] and d[-1]["refs"] == ["main"]'
