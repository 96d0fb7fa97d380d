"""The tokenizer: trained with sentencepiece, written as tokenizer.model and tokenizer.json.

Unigram, NFKC with case folding, byte fallback (no text maps to <unk>), no special tokens. The two
files segment alike: scores are rounded to 1/64, so that sums of them are exact in single and in
double precision and ties fall the same way in every implementation; control and byte pieces get a
score that no text pays, because Hugging Face's Unigram would match their names as plain text.
"""
import base64
import json
import struct

import sentencepiece

GRID = 64.0
UNREACHABLE = -1000.0
# Letters that must be pieces however rare they are in mostly English text.
LETTERS = "".join(chr(c) for low, high in ((0xDF, 0x180), (0x3B1, 0x3CA), (0x430, 0x460))
                  for c in range(low, high) if chr(c) == chr(c).casefold()[:1] and chr(c).isalpha())
NORMAL, UNKNOWN, BYTE = 1, 2, 6


def train(sentences, prefix, vocab_size, seed):
    """Trains on a list of lines; writes prefix.model."""
    sentencepiece.set_random_generator_seed(seed)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_prefix=prefix, vocab_size=vocab_size,
        model_type="unigram", normalization_rule_name="nmt_nfkc_cf", byte_fallback=True,
        unk_id=0, bos_id=-1, eos_id=-1, pad_id=-1, character_coverage=0.9985, required_chars=LETTERS,
        max_sentencepiece_length=16, input_sentence_size=300000, shuffle_input_sentence=True,
        max_sentence_length=4000, num_threads=2, minloglevel=1)
    path = prefix + ".model"
    with open(path, "rb") as file:
        blob = file.read()
    with open(path, "wb") as file:
        file.write(with_round_scores(blob))


# ------------------------------------------------------------------- protobuf wire format, by hand
def varint(blob, at):
    value = shift = 0
    while True:
        byte = blob[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def encode_varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def fields(blob):
    """Yields (field number, value, raw bytes of the whole field); value is an int or bytes."""
    at = 0
    while at < len(blob):
        start = at
        key, at = varint(blob, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(blob, at)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if size is None:
                size, at = varint(blob, at)
            value, at = blob[at:at + size], at + size
        yield key >> 3, value, blob[start:at]


def piece_of(blob):
    """(text, score, type) of one SentencePiece message."""
    text, score, kind = "", 0.0, NORMAL
    for number, value, _ in fields(blob):
        if number == 1:
            text = value.decode("utf-8")
        elif number == 2:
            score = struct.unpack("<f", value)[0]
        elif number == 3:
            kind = value
    return text, score, kind


def pieces(blob):
    return [piece_of(value) for number, value, _ in fields(blob) if number == 1]


def with_round_scores(blob):
    """The model with rounded scores and without the trainer's notes (paths, settings)."""
    out = bytearray()
    for number, value, raw in fields(blob):
        if number == 1:
            text, score, kind = piece_of(value)
            score = round(score * GRID) / GRID if kind == NORMAL else UNREACHABLE
            data = text.encode("utf-8")
            body = b"\x0a" + encode_varint(len(data)) + data + b"\x15" + struct.pack("<f", score)
            if kind != NORMAL:
                body += b"\x18" + encode_varint(kind)
            out += b"\x0a" + encode_varint(len(body)) + body
        elif number == 2:
            out += trainer_notes(value)
        else:
            out += raw
    return bytes(out)


def trainer_notes(blob):
    """Of the trainer's settings only those that decide how text is segmented."""
    # 3 model_type, 4 vocab_size, 24 treat_whitespace_as_suffix, 35 byte_fallback, 40-43 special ids
    kept = b"".join(raw for number, _, raw in fields(blob) if number in (3, 4, 24, 35, 40, 41, 42, 43))
    return b"\x12" + encode_varint(len(kept)) + kept


# ---------------------------------------------------------------------------------- tokenizer.json
def hugging_face(blob, start=None, pad=None):
    """The same tokenizer as the text of a tokenizer.json.

    With `start` and `pad`, these two specials get the ids after the last piece and every text begins
    with `start`, as a transformer wants it.
    """
    charsmap = b""
    for number, value, _ in fields(blob):
        if number == 3:
            charsmap = next(v for n, v, _ in fields(value) if n == 2)
    space = "\u2581"
    metaspace = {"type": "Metaspace", "replacement": space, "prepend_scheme": "always", "split": False}
    listed = [[text, short(score)] for text, score, _ in pieces(blob)]
    added, template = [], None
    for token in (start, pad):
        if token:
            added.append({"id": len(listed), "content": token, "single_word": False, "lstrip": False,
                          "rstrip": False, "normalized": False, "special": True})
            listed.append([token, int(UNREACHABLE)])
    if start:
        first, text = {"SpecialToken": {"id": start, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}
        template = {"type": "TemplateProcessing", "single": [first, text],
                    "pair": [first, text, {"Sequence": {"id": "B", "type_id": 0}}],
                    "special_tokens": {start: {"id": start, "ids": [added[0]["id"]], "tokens": [start]}}}
    document = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()},
            # sentencepiece drops spaces at both ends and collapses runs of them
            {"type": "Strip", "strip_left": True, "strip_right": True},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
        "pre_tokenizer": metaspace,
        "post_processor": template,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": space}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": True,
                  "vocab": listed},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def short(score):
    return int(score) if score == int(score) else score
