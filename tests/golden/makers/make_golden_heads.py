#!/usr/bin/env python3
"""Makes the golden cases of heads that give more than one vector a text, in tests/golden/heads: a tiny
BERT folder each, and what late interaction makes of texts, in float64. The encoder is
transformers' BertModel with the attention mask that PyLate gives it; projection, choice of tokens
and normalization follow PyLate's and Stanford's sources (see tests/golden/README.md).

  make_golden_heads.py [CASE ...]      # needs numpy, torch and transformers
"""
import json
import string
import sys

import numpy as np
from make_golden_families import BERT, DATA as FAMILIES, H, Weights, write_safetensors

DATA = FAMILIES.parent / 'heads'
SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', '[unused0]', '[unused1]']
LETTERS = list(string.ascii_lowercase) + ['##' + c for c in string.ascii_lowercase]
WORDS = SPECIAL + list(string.punctuation) + LETTERS + ['the', 'stone', '##ing', 'water']
TEXTS = ['', 'stone', 'the water, the stones!', 'a.b-c', '...', 'what is the water?',
         'the ' * 40 + 'stone', 'x [MASK]', 'stone ' * 9 + '; water']
OUT = 10


class Bert:
    """transformers' BertModel with seeded weights in float64, and its slow tokenizer."""

    def __init__(self, w, vocab, folder):
        import torch
        import transformers
        self.torch = torch
        config = {**BERT, 'vocab_size': vocab, 'max_position_embeddings': 48}
        self.model = transformers.BertModel(transformers.BertConfig(**config)).double().eval()
        keep = {k: v for k, v in self.model.state_dict().items()
                if v.is_floating_point() and 'pooler' not in k}
        for name, t in keep.items():
            norm = 'LayerNorm.weight' in name
            w(name, *t.shape, mean=1.0 if norm else 0.0, scale=0.2 if norm else None)
        self.model.load_state_dict(
            {k: torch.from_numpy(w.tensors[k].astype(np.float64)) for k in keep}, strict=False)
        self.tokenizer = transformers.BertTokenizer(str(folder / 'vocab.txt'))
        self.config = config

    def states(self, ids, mask):
        with self.torch.no_grad():
            out = self.model(input_ids=self.torch.tensor([ids]),
                             attention_mask=self.torch.tensor([mask]))
        return out.last_hidden_state[0].numpy()


def tokenizer_json(words, added):
    """BertTokenizerFast's file for these words, with two tokens more."""
    flags = dict(single_word=False, lstrip=False, rstrip=False)
    tokens = [dict(id=words.index(t), content=t, normalized=False, special=True, **flags)
              for t in SPECIAL[:5]]
    tokens += [dict(id=len(words) + i, content=t, normalized=True, special=False, **flags)
               for i, t in enumerate(added)]
    single = [{'SpecialToken': {'id': '[CLS]', 'type_id': 0}}, {'Sequence': {'id': 'A', 'type_id': 0}},
              {'SpecialToken': {'id': '[SEP]', 'type_id': 0}}]
    special = {t: {'id': t, 'ids': [words.index(t)], 'tokens': [t]} for t in ('[CLS]', '[SEP]')}
    return dict(
        version='1.0', truncation=None, padding=None, added_tokens=tokens,
        normalizer=dict(type='BertNormalizer', clean_text=True, handle_chinese_chars=True,
                        strip_accents=None, lowercase=True),
        pre_tokenizer={'type': 'BertPreTokenizer'},
        post_processor=dict(type='TemplateProcessing', single=single, pair=single,
                            special_tokens=special),
        decoder=None,
        model=dict(type='WordPiece', unk_token='[UNK]', continuing_subword_prefix='##',
                   max_input_chars_per_word=100, vocab={t: i for i, t in enumerate(words)}))


def colbert_items(bert, projection, markers, lengths, attends):
    """PyLate's tokenize() and encode(): a marker behind the first token; queries filled up with
    masks, seen by none unless `attends`; documents without punctuation."""
    mask_id = WORDS.index('[MASK]')
    punctuation = {WORDS.index(c) for c in string.punctuation}
    items = []
    for role in ('query', 'document'):
        for text in TEXTS:
            length = lengths[role]
            ids = bert.tokenizer.encode(text, max_length=length - 1, truncation=True)
            mask = [1] * len(ids)
            if role == 'query':
                fill = length - 1 - len(ids)
                ids, mask = ids + [mask_id] * fill, mask + [1 if attends else 0] * fill
            ids, mask = ids[:1] + [markers[role]] + ids[1:], mask[:1] + [1] + mask[1:]
            vectors = bert.states(ids, mask) @ projection.T
            if role == 'document':
                vectors = vectors[[i not in punctuation for i in ids]]
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            items.append(dict(role=role, text=text, input_ids=ids,
                              vectors=[[round(x, 9) for x in v] for v in vectors.tolist()]))
    return items


def write(folder, name, value):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(value, indent=1) + '\n')


def make(name):
    pylate = name == 'colbert_pylate'
    folder = DATA / name / 'model'
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'vocab.txt').write_text('\n'.join(WORDS) + '\n')
    w = Weights(sum(map(ord, name)))
    bert = Bert(w, len(WORDS) + (2 if pylate else 0), folder)
    projection = w('linear.weight', OUT, H)
    lengths = {'query': 13, 'document': 30}
    config = {'model_type': 'bert', **bert.config}
    if pylate:
        markers = {'query': len(WORDS), 'document': len(WORDS) + 1}
        (folder / 'vocab.txt').unlink()
        write(folder, 'tokenizer.json', tokenizer_json(WORDS, ['[Q] ', '[D] ']))
        write(folder, 'config.json', config)
        write(folder, 'modules.json', [
            dict(idx=0, name='0', path='', type='sentence_transformers.models.Transformer'),
            dict(idx=1, name='1', path='1_Dense', type='pylate.models.Dense.Dense')])
        write(folder, 'config_sentence_transformers.json', dict(
            model_type='ColBERT', query_prefix='[Q] ', document_prefix='[D] ',
            query_length=lengths['query'], document_length=lengths['document'],
            attend_to_expansion_tokens=False, do_query_expansion=True,
            skiplist_words=list(string.punctuation), similarity_fn_name='MaxSim'))
        write(folder, '1_Dense/config.json', dict(
            in_features=H, out_features=OUT, bias=False,
            activation_function='torch.nn.modules.linear.Identity'))
        write_safetensors(folder / '1_Dense/model.safetensors',
                          {'linear.weight': w.tensors.pop('linear.weight')})
        write_safetensors(folder / 'model.safetensors', w.tensors)
    else:
        markers = {'query': WORDS.index('[unused0]'), 'document': WORDS.index('[unused1]')}
        write(folder, 'config.json', {'architectures': ['HF_ColBERT'], **config})
        write(folder, 'artifact.metadata', dict(
            query_token_id='[unused0]', doc_token_id='[unused1]', query_maxlen=lengths['query'],
            doc_maxlen=lengths['document'], attend_to_mask_tokens=True, mask_punctuation=True))
        stored = {k if k == 'linear.weight' else 'bert.' + k: t for k, t in w.tensors.items()}
        write_safetensors(folder / 'model.safetensors', stored)
    items = colbert_items(bert, projection, markers, lengths, attends=not pylate)
    (DATA / name / 'golden.json').write_text(json.dumps(
        {'source': 'transformers BertModel, float64; the rest read from the sources', 'spec': [],
         'kind': 'colbert', 'items': items}, separators=(',', ':')) + '\n')
    print(name, len(items))


if __name__ == '__main__':
    for case in sys.argv[1:] or ('colbert_pylate', 'colbert_stanford'):
        make(case)
