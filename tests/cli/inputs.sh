#!/usr/bin/env bash
# What goes in: formats by content, many inputs, names of any bytes, ids, and what is checked before
# any work. What each format's records come to is in tests/unit/corpus_inputs_test.cpp.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

printf '{"id":"a","text":"word 1"}\n{"id":"b","text":"word 2"}\n' >good.jsonl

# rows ARGUMENT…: ids and texts of what encode reads, one a line.
rows() {
  run 0 encode -q -m "$MODEL" -o - "$@"
  python3 -c '
import json, sys
for line in sys.stdin: print(json.loads(line)["id"])' <stdout
}

# The same records in other dress give the same vectors, by name and through a pipe.
run 0 encode -q -m "$MODEL" -o - good.jsonl
cp stdout wanted
python3 - <<'PY'
records = [("a", "word 1"), ("b", "word 2")]
import json
objects = [json.dumps({"id": i, "text": t}) for i, t in records]
files = {
    "array.json": "[" + ",".join(objects) + "]",
    "pretty.json": json.dumps([json.loads(o) for o in objects], indent=2),
    "glued.json": "".join(objects),
    "rs.jsonl": "".join("\x1e" + o + "\n" for o in objects),
    "comma.csv": "id,text\na,word 1\nb,word 2\n",
    "semi.csv": "id;text\r\na;word 1\r\nb;word 2\r\n",
    "excel.csv": "sep=;\r\nid;text\r\na;word 1\r\nb;word 2\r\n",
    "bar.data": "id|text\na|word 1\nb|word 2\n",
    "cr.csv": "id,text\ra,word 1\rb,word 2\r",
    "tab.tsv": "id\ttext\na\tword 1\nb\tword 2\n",
}
for name, text in files.items():
    open(name, "w", newline="").write(text)
for name in ["array.json", "semi.csv", "tab.tsv", "rs.jsonl"]:
    for coding in ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "utf-8-sig"]:
        open(coding + "." + name, "w", newline="", encoding=coding).write(files[name])
PY
for file in *.json *.csv *.tsv *.jsonl bar.data; do
  run 0 encode -q -m "$MODEL" -o - "$file"
  same stdout wanted "$file"
  run 0 encode -q -m "$MODEL" -o - - <"$file"
  same stdout wanted "$file through a pipe"
done
for tool in bzip2 xz lz4; do
  command -v $tool >/dev/null || continue
  $tool -c <good.jsonl >packed
  run 0 encode -q -m "$MODEL" -o - packed
  same stdout wanted "$tool"
done

# What is no corpus is refused before anything is written.
tar cf good.tar good.jsonl
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n' >pointer.jsonl
printf '<!DOCTYPE html><html><body>not found</body></html>\n' >page.csv
for file in good.tar pointer.jsonl page.csv "$BIN"; do
  for extra in '' good.jsonl; do
    run 1 encode -q -m "$MODEL" -o refused $extra "$file"
    has stderr "not a corpus"
    has stderr "$file: is "
    [[ ! -e refused/manifest.json ]] || fail "an output was made of $file"
  done
done

# Ids are positions, whatever was rejected, in every output and command.
printf 'alpha\nbr\xe9ve\ngamma\n' >repo.txt
equal "$(rows repo.txt | tr '\n' ' ')" "0 2 "
run 0 tokenize -q -m "$MODEL" repo.txt
has stdout '"id":"2"'
for to in parquet npy jsonl; do
  run 0 encode -q -m "$MODEL" -o "ids-$to" --to $to repo.txt
  file=ids-$to/embeddings.jsonl
  [[ $to == npy ]] && file=ids-npy/ids.jsonl
  cp "$file" stdout 2>/dev/null || run 0 export "ids-$to" --to jsonl -o -
  equal "$(grep -o '"id":"[0-9]*"' stdout | tr '\n' ' ')" '"id":"0" "id":"2" '
done
equal "$(rows --id-from offset repo.txt | tr '\n' ' ')" "repo.txt@0 repo.txt@12 "
# A generated id that another record has counts as a duplicate.
printf '{"id":"1","text":"a"}\n{"text":"b"}\n' >mixed.jsonl
run 0 encode -m "$MODEL" -o - mixed.jsonl
has stderr "records with a duplicate id: 1"
run 0 encode -q -m "$MODEL" -o - --duplicate-ids reject mixed.jsonl
equal "$(lines stdout)" 1 "rows without duplicates"
# Duplicates are not bad records.
for _ in $(seq 3000); do echo '{"id":"1","text":"a"}'; done >same.jsonl
run 0 encode -q -m "$MODEL" -o - --duplicate-ids reject --max-rejects 1% same.jsonl
run 0 encode -q -m "$MODEL" -o - --duplicate-ids reject --max-rejects 0 same.jsonl

# Names that are not UTF-8: read, noted and found again.
cp good.jsonl $'\xff.jsonl'
run 0 encode -q -m "$MODEL" -o odd $'\xff.jsonl'
check_json odd/manifest.json 'd["inputs"][0]["name"] == "\\xff.jsonl"'
run 0 encode -m "$MODEL" -o odd $'\xff.jsonl'
has stderr "up to date"
run 0 info odd
has stdout '\xff.jsonl'
run 0 encode -q -m "$MODEL" -o odd-text --keep $'\xfe' good.jsonl || true
run 1 encode -q -m "$MODEL" -o x $'missing\xfe.jsonl'

# Folders: every file, in the order of the paths' bytes, without hidden ones and the output.
mkdir -p docs/b docs/.git
echo 'one' >docs/z.txt
echo 'two' >docs/b/a.txt
echo 'three' >docs/b-.txt
echo 'hidden' >docs/.git/x.txt
printf 'id,text\nq,four\n' >docs/b/t.csv
equal "$(rows docs | tr '\n' ' ')" "0 1 q 3 "
equal "$(rows --glob '*.csv' docs | tr '\n' ' ')" "q "
equal "$(rows --format file --glob '*.txt' docs | tr '\n' ' ')" "docs/b-.txt docs/b/a.txt docs/z.txt "
run 2 encode -q -m "$MODEL" -o - --glob '*.md' docs
has stderr "no file that --glob matches"
run 2 encode -q -m "$MODEL" -o - --glob '*.md' good.jsonl
run 0 encode -q -m "$MODEL" -o docs/out docs
run 0 encode -m "$MODEL" -o docs/out docs
has stderr "up to date"
check_json docs/out/manifest.json 'd["inputs"][0]["files"] == 4 and d["rows"] == 4'
touch -d '2001-01-01' docs/z.txt
run 0 encode -m "$MODEL" -o docs/out docs
has stderr "up to date"
echo 'five' >docs/zz.txt
run 2 encode -q -m "$MODEL" -o docs/out docs
has stderr "4 files"
# Lists.
printf 'docs/z.txt\ndocs/b\n' >list
equal "$(rows --files-from list | tr '\n' ' ')" "0 1 q "
equal "$(find docs -name '*.txt' -not -path '*/.*' -print0 | sort -z | rows -0 --files-from - | wc -l)" 4
equal "$(rows good.jsonl --files-from list | tr '\n' ' ')" "a b 2 3 q "
run 2 encode -q -m "$MODEL" -o - --files-from - - <list
has stderr "only once"
run 2 encode -q -m "$MODEL" -o - -0 good.jsonl

# Before any work: destinations, kept fields, settings and variables.
for option in --report --trace --metrics-file --rejects; do
  run 1 encode -q -m "$MODEL" -o early "$option" nowhere/file good.jsonl
  has stderr "$option nowhere/file: its folder cannot be used"
  run 1 encode -q -m "$MODEL" -o early "$option" docs good.jsonl
  has stderr "is a folder"
  [[ ! -e early ]] || fail "an output was begun"
done
run 0 encode -m "$MODEL" -o kept --keep lang good.jsonl
has stderr "none of the first 2 records of good.jsonl has the field 'lang'; they have 'id', 'text'"
printf '[encode]\nthreads = 1\nbatchsize = 4\n' >settings.toml
run 2 encode -q --config settings.toml -m "$MODEL" -o x good.jsonl
has stderr "settings.toml:3: encode.batchsize is not a setting; did you mean batch-size?"
EMBEDTOOL_BATCHSIZE=4 run 0 encode -m "$MODEL" -o - good.jsonl
has stderr "EMBEDTOOL_BATCHSIZE: no option has this environment variable, which is ignored; did you mean EMBEDTOOL_BATCH_SIZE?"
EMBEDTOOL_BUDGET=9s run 0 encode -m "$MODEL" -o - good.jsonl # an option of tune
lacks stderr "EMBEDTOOL_BUDGET"

# Part of a corpus: the first records, or a choice of them; the rows are those of the whole.
corpus 300 >many.jsonl
sed -i '10s/.*/{broken/' many.jsonl
encode part-all many.jsonl
encode part-limit --limit 100 many.jsonl
check_json part-limit/manifest.json 'd["rows"] == 99 and d["settings"]["limit"] == "100"'
vectors part-all >all
head -n 99 all >wanted
vectors part-limit >got
same wanted got "the first records are those of the whole corpus"
head -n 100 many.jsonl >head.jsonl
run 0 encode -m "$MODEL" --to jsonl -o part-head - <head.jsonl
same got part-head/embeddings.jsonl "--limit is a corpus that ends there"
run 0 encode -q -m "$MODEL" -o - --limit 3 - < <(yes '{"text":"one"}' || true)
equal "$(lines stdout)" 3 "rows of an endless input"
encode part-sample --sample 20 many.jsonl
vectors part-sample >sample
equal "$(lines sample)" 20 "rows of a sample"
grep -Fxf sample all >wanted
same wanted sample "a sample is rows of the whole corpus, in order"
check_json part-sample/manifest.json 'd["settings"]["sample"] == "20" and "seed" not in d["settings"]'
for kind in pipe file; do # a stream is held, a file is read twice
  if [[ $kind == pipe ]]; then
    # shellcheck disable=SC2002
    cat many.jsonl | run 0 encode -q -m "$MODEL" -o - --sample 20
  else
    run 0 encode -q -m "$MODEL" -o - --sample 20 - <many.jsonl
  fi
  same stdout sample "the sample of a stream ($kind) is that of the file"
done
run 0 encode -q -m "$MODEL" -o - --sample 20 --seed 7 many.jsonl
if cmp -s stdout sample; then fail "another seed chose the same records"; fi
run 2 encode -q -m "$MODEL" -o part-sample --sample 21 many.jsonl
has stderr "sample was '20' and is now '21' (--sample)"
touch -d 2001-01-01 many.jsonl
run 0 encode -m "$MODEL" -o part-sample --sample 20 many.jsonl
has stderr "up to date"
run 2 encode -q -m "$MODEL" -o part-limit --limit 100 many.jsonl
has stderr "many.jsonl was modified since, and only a part of it had been read"
run 2 encode -q -m "$MODEL" -o - --seed 7 many.jsonl
has stderr "--seed is for --sample N"
for option in --limit --sample; do
  run 2 encode -q -m "$MODEL" -o parts --part 1/2 $option 5 many.jsonl
  has stderr "$option and --part cannot be used together"
done

# Queries are a corpus.
encode index good.jsonl
run 0 search index --queries good.jsonl -k 1 --json
has stdout '"query":"word 2","rank":1,"id":"b"'
run 0 search index --queries tab.tsv -k 1 --json
has stdout '"query":"word 1"'
printf 'word 2\n\nword 1\n' | gzip >queries.gz
run 0 search index --queries queries.gz -k 1 --json
equal "$(lines stdout)" 2 "queries in a compressed file"
run 3 search index --queries repo.txt -k 1
has stderr "invalid UTF-8"

# tune ends as encode does.
printf '{"id":"a"}\n' >bad.jsonl
run 3 tune -q -m "$MODEL" bad.jsonl
has stderr "0 of 1 records could be used"
