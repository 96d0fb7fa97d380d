"""The texts that the teachers encode: sentences, crops and documents of the free corpora, made-up
sentences (phrases.py), all shuffled.

No similarity score, retrieval query or judgement is opened (see sources.py). A text that is a pair's
translated side carries the teacher's vector of the English side, so other languages learn from it.
"""
import json
import random
import re

import phrases
import sources

SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]*[A-Z0-9])")
SPACES = re.compile(r"\s+")
MARKUP = re.compile(r"[<>{}|`]|https?:|^\W+$")
LONGEST_SENTENCE, LONGEST_CROP = 60, 160  # words
LONGEST = 1500  # characters
# Share of a source's texts that is kept: science abounds, everyday English is scarce.
SHARES = {"arxiv_sentence": 0.3, "arxiv_title": 0.7, "arxiv_crop": 0.18, "arxiv_document": 0.5}
SPANS = 0.2  # share of sentences of which a run of 2 to 8 words is a text of its own


def clean(text):
    return SPACES.sub(" ", text).strip()


def sentences(text):
    """Sentences of 3 to LONGEST_SENTENCE words, markup left out."""
    for line in re.split(r"\n\s*\n", text):
        for sentence in SENTENCE_END.split(clean(line)):
            if 3 <= sentence.count(" ") + 1 <= LONGEST_SENTENCE and not MARKUP.search(sentence):
                yield sentence


def crop(text, rng):
    """A run of whole sentences, 40 to LONGEST_CROP words where the text has them."""
    parts = SENTENCE_END.split(clean(text))
    wanted = rng.randint(40, LONGEST_CROP)
    start = rng.randrange(max(1, len(parts) - 2))
    words = " ".join(parts[start:]).split(" ")
    return " ".join(words[:wanted])


def of_documents(data, rng):
    """(source, text): sentences and crops of running text in English."""
    for title, abstract in sources.columns(data / "pairs/arxiv_title_abstract.tsv.zst", 2):
        yield "arxiv_title", title
        yield "arxiv_crop", crop(abstract, rng)
        yield "arxiv_document", f"{title} {abstract}"
        for sentence in sentences(abstract):
            yield "arxiv_sentence", sentence
    foreign = ("wiki", "xquad", "longdocs", "arxiv", "arxiv-title2abs")
    for source, text in sources.documents(data):
        if source in foreign:
            continue
        for _ in range(1 + len(text) // 4000):
            yield source + "_crop", crop(text, rng)
        yield source + "_document", text
        for sentence in sentences(text):
            yield source + "_sentence", sentence
    for record in sources.records(data, "ir/xquad-en/corpus"):
        yield "xquad_crop", crop(record["text"], rng)
        for sentence in sentences(record["text"]):
            yield "xquad_sentence", sentence
    for record in sources.records(data, "corpora/longdocs_en"):
        for sentence in sentences(record["text"]):
            yield "longdocs_sentence", sentence


def span(text, rng):
    """A run of 2 to 8 words."""
    parts = text.split(" ")
    start = rng.randrange(max(1, len(parts) - 2))
    return " ".join(parts[start:start + rng.randint(2, 8)])


def nouns_of(data):
    """WordNet's lemmas of one or two words whose gloss reads like a thing's."""
    return sorted({left for kind, left, right in sources.wordnet_glosses(data)
                   if kind == "lemma_def" and left.count(" ") < 2 and left.islower()
                   and right.startswith(("a ", "an ", "any ", "the "))})


def of_pairs(data):
    """(source, text): the short sides of pairs."""
    for kind, left, right in sources.wordnet_glosses(data):
        yield "word", left
        if kind == "lemma_def":
            yield "gloss", right
            yield "gloss", f"{left}: {right}"
        else:
            yield "word" if kind == "synonym" else "example", right
    for left, right in sources.columns(data / "pairs/wikisplit.tsv.zst", 2):
        yield "wikisplit", left
        for part in right.split("<::::>"):
            yield "wikisplit", part
    for _, question, answer in sources.columns(data / "pairs/qa_short.tsv.zst", 3):
        yield "question", question
        yield "answer", f"{question} {answer}"


def translated(data):
    """(English, other language) sentences."""
    for name in ("tatoeba", "pud"):
        for _, english, other in sources.columns(data / f"bitext/{name}.tsv.zst", 3):
            yield clean(english), clean(other)


def build(data, seed):
    """[(text that the teacher reads, text that the student reads)], unique and shuffled."""
    rng = random.Random(seed)
    seen, out = set(), []

    def add(teacher_text, student_text):
        if student_text and student_text not in seen:
            seen.add(student_text)
            out.append((teacher_text, student_text))

    for english, other in translated(data):
        add(english, english)
        add(english, other)
    for stream in (of_pairs(data), phrases.made_up(nouns_of(data), rng), of_documents(data, rng)):
        for source, text in stream:
            if rng.random() < SHARES.get(source, 1.0):
                text = clean(text)[:LONGEST]
                add(text, text)
                if source.endswith("_sentence") and rng.random() < SPANS:
                    part = span(text, rng)
                    add(part, part)
    rng.shuffle(out)
    return out


def load(data, file, seed):
    """The list of `build`, from `file` where it was written before."""
    if not file.exists():
        temporary = file.with_suffix(".tmp")
        with open(temporary, "w", encoding="utf-8") as out:
            for pair in build(data, seed):
                out.write(json.dumps(pair, ensure_ascii=False) + "\n")
        temporary.rename(file)
    with open(file, encoding="utf-8") as lines:
        return [tuple(json.loads(line)) for line in lines]
