"""Tokenizer files for the model folders of make_model.py: copied from a folder, or small seeded
vocabularies in three kinds: WordPiece, sentencepiece (unigram) and byte-level BPE."""
import json
import pathlib
import shutil
import struct

FILES = ('vocab.txt', 'vocab.json', 'merges.txt', 'tokenizer.json', 'tokenizer_config.json',
         'special_tokens_map.json', 'added_tokens.json', 'sentencepiece.bpe.model', 'spiece.model')
DEFAULT_VOCAB = 400  # of the made-up vocabularies
PUNCTUATION = '.,!?-\'():;"/'


def words():
    """An endless list of distinct pronounceable words, [a-z]{2,}."""
    onsets, vowels, seen, n = 'bdfgklmnprstvz', 'aeiou', set(), 0
    while True:
        n += 1
        x, word = n * 2654435761 % 2**32, ''
        for _ in range(1 + x % 3):
            x = x * 1664525 + 1013904223 & 0xFFFFFFFF
            word += onsets[(x >> 16) % len(onsets)] + vowels[(x >> 24) % len(vowels)]
        if word not in seen:
            seen.add(word)
            yield word


def fill(pieces, room, make):
    """`pieces` and then make(word) for new words up to `room` pieces; fewer pieces if too many."""
    pieces, source = pieces[:room], words()
    known = set(pieces)
    while len(pieces) < room:
        piece = make(next(source))
        if piece not in known:
            known.add(piece)
            pieces.append(piece)
    return pieces


def vocab_of(tokenizer):
    """Vocabulary size that a --tokenizer value implies, or None."""
    if tokenizer in ('wordpiece', 'sentencepiece', 'bpe'):
        return DEFAULT_VOCAB
    folder = pathlib.Path(tokenizer)
    if (folder / 'vocab.txt').is_file():
        return len((folder / 'vocab.txt').read_text(encoding='utf-8').split('\n')[:-1])
    if (folder / 'tokenizer.json').is_file():
        t = json.loads((folder / 'tokenizer.json').read_text(encoding='utf-8'))
        vocab = t['model']['vocab']
        top = max(vocab.values()) if isinstance(vocab, dict) else len(vocab) - 1
        return 1 + max([top] + [x['id'] for x in t.get('added_tokens', [])])
    return None


def write_tokenizer(out, a):
    if a.tokenizer == 'none':
        return
    made = dict(wordpiece=write_wordpiece, sentencepiece=write_sentencepiece, bpe=write_bpe)
    if a.tokenizer in made:
        made[a.tokenizer](out, a)
        return
    source = pathlib.Path(a.tokenizer)
    found = [f for f in FILES if (source / f).is_file()]
    if not found:
        raise SystemExit(f'make_model.py: no tokenizer files in {source}')
    for f in found:
        shutil.copyfile(source / f, out / f)


def dump(path, value, indent=None):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=indent) + '\n', encoding='utf-8')


def write_wordpiece(out, a):
    """An uncased BERT vocabulary: specials, letters, letters inside words, digits, marks, words."""
    letters = [chr(c) for c in range(ord('a'), ord('z') + 1)]
    pieces = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', *letters,
              *('##' + c for c in letters), *PUNCTUATION, *'0123456789',
              *('##' + c for c in '0123456789')]
    pieces = fill(pieces, a.vocab, str)
    (out / 'vocab.txt').write_text(''.join(p + '\n' for p in pieces), encoding='utf-8')
    dump(out / 'tokenizer_config.json', dict(
        do_lower_case=True, strip_accents=None, tokenize_chinese_chars=True,
        model_max_length=a.max_positions, tokenizer_class='DistilBertTokenizer'
        if a.family == 'distilbert' else 'BertTokenizer', unk_token='[UNK]', sep_token='[SEP]',
        pad_token='[PAD]', cls_token='[CLS]', mask_token='[MASK]'), 2)
    special = [dict(id=i, content=c, single_word=False, lstrip=False, rstrip=False,
                    normalized=False, special=True) for i, c in enumerate(pieces[:5])]

    def mark(token, type_id):
        return {'SpecialToken': dict(id=token, type_id=type_id)}

    a_part, b_part = ({'Sequence': dict(id=s, type_id=i)} for i, s in enumerate('AB'))
    dump(out / 'tokenizer.json', dict(
        version='1.0', truncation=None, padding=None, added_tokens=special,
        normalizer=dict(type='BertNormalizer', clean_text=True, handle_chinese_chars=True,
                        strip_accents=None, lowercase=True),
        pre_tokenizer=dict(type='BertPreTokenizer'),
        post_processor=dict(
            type='TemplateProcessing', single=[mark('[CLS]', 0), a_part, mark('[SEP]', 0)],
            pair=[mark('[CLS]', 0), a_part, mark('[SEP]', 0), b_part, mark('[SEP]', 1)],
            special_tokens={t: dict(id=t, ids=[i], tokens=[t])
                            for i, t in ((2, '[CLS]'), (3, '[SEP]'))}),
        decoder=dict(type='WordPiece', prefix='##', cleanup=True),
        model=dict(type='WordPiece', unk_token='[UNK]', continuing_subword_prefix='##',
                   max_input_chars_per_word=100, vocab={p: i for i, p in enumerate(pieces)})))


def varint(n):
    out = b''
    while n >= 128:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, value):
    """One protobuf field: int as varint, float as fixed32, bytes length-delimited."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack('<f', value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def write_sentencepiece(out, a):
    """A unigram ModelProto (sentencepiece_model.proto): <unk>, <s>, </s>, words, letters. Words
    score higher than any spelling of them. XLM-R puts its ids one higher, CamemBERT four; both
    add <mask> at the end."""
    offset = 4 if a.family == 'camembert' else 1
    room = a.vocab - offset - 1
    letters = [chr(c) for c in range(ord('a'), ord('z') + 1)]
    pieces = fill(['<unk>', '<s>', '</s>', '\u2581', *letters, *PUNCTUATION, *'0123456789'], room,
                  lambda w: '\u2581' + w)
    proto = b''
    for i, piece in enumerate(pieces):
        score = 0.0 if i < 3 else -5.0 - i / 64.0 if len(piece) > 1 else -20.0 - i / 64.0
        kind = 2 if i == 0 else 3 if i < 3 else 1  # unknown, control, normal
        proto += field(1, field(1, piece.encode()) + field(2, score) + field(3, kind))
    trainer = field(3, 1) + field(4, len(pieces)) + field(40, 0) + field(41, 1) + field(42, 2)
    normalizer = field(1, b'identity') + field(3, 1) + field(4, 1) + field(5, 1)
    (out / 'sentencepiece.bpe.model').write_bytes(proto + field(2, trainer) + field(3, normalizer))
    name = dict(camembert='CamembertTokenizer').get(a.family, 'XLMRobertaTokenizer')
    dump(out / 'tokenizer_config.json', dict(
        tokenizer_class=name, model_max_length=a.max_positions, bos_token='<s>', eos_token='</s>',
        sep_token='</s>', cls_token='<s>', unk_token='<unk>', pad_token='<pad>',
        mask_token='<mask>'), 2)


def byte_symbols():
    """GPT-2's printable character for each byte: the byte itself where it prints, else from U+0100
    up in order."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    other = [b for b in range(256) if b not in keep]
    table = {b: chr(b) for b in keep}
    table.update({b: chr(256 + i) for i, b in enumerate(other)})
    return [table[b] for b in range(256)]


def write_bpe(out, a):
    """Byte-level BPE as RoBERTa has it: four specials, 256 byte symbols, merges that spell words
    from the left, <mask> last."""
    symbols = byte_symbols()
    pieces = ['<s>', '<pad>', '</s>', '<unk>', *symbols]
    if a.vocab < len(pieces) + 1:
        raise SystemExit(f'make_model.py: a byte-level vocabulary has at least {len(pieces) + 1}')
    merges, known, source = [], set(pieces), words()
    while len(pieces) < a.vocab - 1:
        word, left = next(source), '\u0120'
        for c in word:
            if left + c not in known and len(pieces) < a.vocab - 1:
                known.add(left + c)
                pieces.append(left + c)
                merges.append(f'{left} {c}')
            left += c
    vocab = {p: i for i, p in enumerate(pieces + ['<mask>'])}
    dump(out / 'vocab.json', vocab)
    (out / 'merges.txt').write_text('#version: 0.2\n' + ''.join(m + '\n' for m in merges),
                                    encoding='utf-8')
    dump(out / 'tokenizer_config.json', dict(
        tokenizer_class='RobertaTokenizer', add_prefix_space=False,
        model_max_length=a.max_positions, bos_token='<s>', eos_token='</s>', sep_token='</s>',
        cls_token='<s>', unk_token='<unk>', pad_token='<pad>', mask_token='<mask>'), 2)
    special = [dict(id=vocab[t], content=t, single_word=False, lstrip=t == '<mask>', rstrip=False,
                    normalized=False, special=True)
               for t in ('<s>', '<pad>', '</s>', '<unk>', '<mask>')]
    byte_level = dict(type='ByteLevel', add_prefix_space=False, trim_offsets=True)
    dump(out / 'tokenizer.json', dict(
        version='1.0', truncation=None, padding=None, added_tokens=special, normalizer=None,
        pre_tokenizer=byte_level, decoder=byte_level,
        post_processor=dict(type='RobertaProcessing', sep=['</s>', 2], cls=['<s>', 0],
                            trim_offsets=True, add_prefix_space=False),
        model=dict(type='BPE', dropout=None, unk_token=None, continuing_subword_prefix='',
                   end_of_word_suffix='', fuse_unk=False, vocab=vocab, merges=merges)))
