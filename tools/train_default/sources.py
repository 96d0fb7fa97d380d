"""Training text of the default model: what is read, and how it becomes pairs.

Every source here may be redistributed as a trained model, and none of it is measured on: similarity
scores, retrieval queries and judgements are never opened. Documents of the retrieval collections are
used as running text only (a test's corpus is public; its questions and answers are not).
"""
import json
import random
import re
import subprocess
from pathlib import Path

# Folders of documents that serve as running text and for title -> text pairs.
COLLECTIONS = ("cranfield", "cacm", "adi", "scifact", "arxiv-title2abs") + tuple(
    "xquad-" + lang for lang in ("en", "ar", "de", "es", "hi", "ro", "ru", "tr", "zh")
)
# One line per source for the model card: (files, what is taken, licence).
LICENCES = (
    ("pairs/arxiv_title_abstract, corpora/arxiv_{abstracts,titles}, ir/arxiv-title2abs/corpus",
     "arXiv titles and abstracts", "CC0 1.0 (arXiv metadata)"),
    ("pairs/wordnet", "Open English WordNet: lemma-definition, definition-example, synonyms",
     "CC BY 4.0 and the WordNet licence"),
    ("pairs/wikisplit", "WikiSplit: a sentence and the same split in two", "CC BY-SA 4.0"),
    ("pairs/qa_short", "questions and short answers: NQ-open, WebQuestions, GSM8K, OpenTriviaQA",
     "CC BY-SA 3.0, CC BY 4.0, MIT, CC BY-SA 4.0"),
    ("pairs/question_paragraph_cjk", "questions and paragraphs: CMRC, DRCD, JSQuAD",
     "CC BY-SA 4.0 (DRCD 3.0)"),
    ("bitext/tatoeba, corpora/tatoeba_sentences", "Tatoeba sentences, 72 languages", "CC BY 2.0 FR"),
    ("bitext/pud, corpora/pud_sentences", "Parallel Universal Dependencies, 9 languages",
     "CC BY-SA 3.0 (Finnish 4.0)"),
    ("corpora/ewt_web_docs", "English Web Treebank documents", "CC BY-SA 4.0"),
    ("corpora/longdocs_en", "US inaugural addresses, chapters of Botchan", "public domain"),
    ("corpora/wiki_paragraphs_multi, ir/xquad-*/corpus", "Wikipedia paragraphs, 10 languages",
     "CC BY-SA 4.0 (DRCD 3.0)"),
    ("corpora/udhr_articles", "Universal Declaration of Human Rights, 532 versions (tokenizer only)",
     "UN text, free to reproduce"),
    ("corpora/tech_markdown", "documentation pages of software projects", "Apache-2.0 or MIT"),
    ("ir/scifact/corpus", "abstracts of SciFact (documents only)", "ODC-By 1.0"),
    ("ir/{cranfield,cacm,adi}/corpus", "abstracts published for research (documents only)",
     "no formal licence; no text of theirs is in the model"),
)


def lines_of(path):
    """Yields the lines of a file, unpacked with `zstd` where its name ends in .zst."""
    if str(path).endswith(".zst"):
        with subprocess.Popen(["zstd", "-dc", str(path)], stdout=subprocess.PIPE) as process:
            for line in process.stdout:
                yield line.decode("utf-8", "replace").rstrip("\n")
        if process.returncode:
            raise OSError(f"{path}: zstd failed; is the file whole?")
    else:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                yield line.rstrip("\n")


def columns(path, count):
    """Rows of a TSV file that have exactly `count` columns, none of them empty."""
    for line in lines_of(path):
        row = line.split("\t")
        if len(row) == count and all(row):
            yield row


def records(data, stem):
    """JSON objects of data/stem.jsonl or data/stem.jsonl.zst."""
    plain = data / (stem + ".jsonl")
    path = plain if plain.exists() else data / (stem + ".jsonl.zst")
    return (json.loads(line) for line in lines_of(path))


def test_ids(data):
    """arXiv ids whose title is a test query; their titled form must not be trained on."""
    return {record["_id"] for record in records(data, "ir/arxiv-title2abs/corpus")}


def documents(data):
    """Running text: (source, text). A document's title is joined to it."""
    hidden = test_ids(data)
    for record in records(data, "corpora/arxiv_abstracts"):
        if record["id"] not in hidden:
            yield "arxiv", record["text"]
    for name in ("ewt_web_docs", "longdocs_en", "wiki_paragraphs_multi", "tech_markdown"):
        for record in records(data, "corpora/" + name):
            yield name.split("_")[0], record["text"]
    for name in COLLECTIONS:
        for record in records(data, f"ir/{name}/corpus"):
            # XQuAD's titles name the article that all its paragraphs share: nothing to crop there.
            title = "" if name.startswith("xquad") else record.get("title", "")
            text = (title + "\n" + record["text"]).strip()
            if text:
                yield name.split("-")[0] if name.startswith("xquad") else name, text


def title_pairs(data):
    """Title -> text of the collections that have titles of their own."""
    for name in ("cranfield", "cacm", "scifact"):
        for record in records(data, f"ir/{name}/corpus"):
            title, text = record.get("title", ""), record["text"]
            # Cranfield repeats the title as the text's first sentence.
            if text.lower().startswith(title.lower()):
                text = text[len(title):].lstrip(" .\n")
            if title and len(text) > 80:
                yield title, text


def wordnet_glosses(data):
    """Pairs around one sense: its words, what it means, an example of its use."""
    for kind, left, right in columns(data / "pairs/wordnet.tsv.zst", 3):
        yield kind, left.replace("_", " "), right.replace("_", " ")


def pairs(data):
    """Yields (source, left, right): two texts that should lie near each other."""
    for title, abstract in columns(data / "pairs/arxiv_title_abstract.tsv.zst", 2):
        yield "arxiv", title, abstract
    for title, text in title_pairs(data):
        yield "titles", title, text
    for kind, left, right in wordnet_glosses(data):
        yield "wn_" + kind, left, right
    for left, right in columns(data / "pairs/wikisplit.tsv.zst", 2):
        yield "wikisplit", left, right
    for source, question, answer in columns(data / "pairs/qa_short.tsv.zst", 3):
        yield "qa", question, answer
    for _, question, paragraph in columns(data / "pairs/question_paragraph_cjk.tsv.zst", 3):
        yield "cjk", question, paragraph
    for name in ("tatoeba", "pud"):
        for _, english, other in columns(data / f"bitext/{name}.tsv.zst", 3):
            yield "bitext", english, other


def tokenizer_text(data, seed):
    """Sentences for the tokenizer, shuffled; English is most of it, every script has a share."""
    rng = random.Random(seed)
    out = []

    def take(texts, share):
        for text in texts:
            for line in re.split(r"\n+", text):
                line = line.strip()
                if line and rng.random() < share:
                    out.append(line[:1200])

    mixed = ("wiki", "xquad", "cjk", "bitext")
    take((text for source, text in documents(data) if source not in mixed), 1.0)
    take((text for source, text in documents(data) if source in mixed), 0.3)
    for source, left, right in pairs(data):
        share = {"arxiv": 0.1, "bitext": 0.2, "cjk": 0.1}.get(source, 1.0)
        take((left + "\n" + right,), share)
    take((r["text"] for r in records(data, "corpora/udhr_articles")), 0.03)
    rng.shuffle(out)
    return out


def default_data():
    """../shared/data beside the repository, or $EMBEDTOOL_SHARED/data."""
    import os
    repo = Path(__file__).resolve().parents[2]
    return Path(os.environ.get("EMBEDTOOL_SHARED", repo.parent / "shared")) / "data"
