"""ColBERT as PyLate runs it, read from pylate (commit 1f1f47cee5df, April 2026).

pylate/models/colbert.py: tokenize (texts are cut to length - 1, the marker goes in after the first
token; queries are filled up to their length with the mask token, which is not attended to unless
attend_to_expansion_tokens), skiplist_mask and encode (queries keep every token, documents lose
those of the skiplist; a word that the vocabulary lacks stands for the unknown token), __init__
(a Stanford checkpoint: artifact.metadata, defaults [unused0] and [unused1]).
pylate/models/Dense.py: projection by 1_Dense, or by linear.weight of a Stanford checkpoint.
Encoder and tokenizer: BertModel and BertTokenizer of transformers, read here for plain ASCII.
"""
import json
import re
import string

import numpy as np
from arithmetic import (attention, gelu, layer_norm, linear, read_safetensors, split_heads, visible,
                        without_prefix)

_SPECIAL = ('[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]')


class ColBert:
    """One folder. vectors() gives (ids, normalized vectors) of a text."""

    def __init__(self, folder):
        self.config = json.loads((folder / 'config.json').read_text())
        tensors = read_safetensors(folder / 'model.safetensors')
        if self.config.get('architectures') == ['HF_ColBERT']:
            self._load_stanford(folder, tensors)
        else:
            self._load_pylate(folder, tensors)

    def _load_stanford(self, folder, tensors):
        meta = json.loads((folder / 'artifact.metadata').read_text())
        words = (folder / 'vocab.txt').read_text().splitlines()
        self.vocabulary = {word: i for i, word in enumerate(words)}
        self.marker = {'query': meta.get('query_token_id', '[unused0]'),
                       'document': meta.get('doc_token_id', '[unused1]')}
        self.length = {'query': meta['query_maxlen'], 'document': meta['doc_maxlen']}
        self.attend_expansion = meta['attend_to_mask_tokens']
        self.skip_words = list(string.punctuation)
        self.projection = tensors['linear.weight']
        self.weights = without_prefix(tensors, 'bert.')

    def _load_pylate(self, folder, tensors):
        meta = json.loads((folder / 'config_sentence_transformers.json').read_text())
        tokenizer = json.loads((folder / 'tokenizer.json').read_text())
        self.vocabulary = dict(tokenizer['model']['vocab'])
        self.vocabulary.update((t['content'], t['id']) for t in tokenizer['added_tokens'])
        self.marker = {'query': meta['query_prefix'], 'document': meta['document_prefix']}
        self.length = {'query': meta['query_length'], 'document': meta['document_length']}
        self.attend_expansion = meta['attend_to_expansion_tokens']
        self.skip_words = meta['skiplist_words']
        dense = read_safetensors(folder / '1_Dense' / 'model.safetensors')
        self.projection = dense['linear.weight']
        self.weights = without_prefix(tensors, 'bert.') or tensors

    def vectors(self, role, text):
        inner = self._pieces(text)[:self.length[role] - 3]
        words = ['[CLS]', self.marker[role], *inner, '[SEP]']
        attended = len(words)
        if role == 'query':
            words += ['[MASK]'] * (self.length[role] - len(words))
            attended = len(words) if self.attend_expansion else attended
        ids = np.array([self._id(word) for word in words])
        rows = self._encode(ids, attended) @ self.projection.T
        if role == 'document':
            rows = rows[~np.isin(ids, [self._id(word) for word in self.skip_words])]
        return ids, rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def _id(self, word):
        return self.vocabulary.get(word, self.vocabulary['[UNK]'])

    def _pieces(self, text):
        """Special tokens as they stand; the rest lower-cased, punctuation apart, longest match."""
        pieces = []
        for part in re.split('(' + '|'.join(map(re.escape, _SPECIAL)) + ')', text):
            if part in _SPECIAL:
                pieces.append(part)
                continue
            for word in re.findall(r'[a-z0-9]+|[^\sa-z0-9]', part.lower()):
                pieces += self._split_word(word)
        return pieces

    def _split_word(self, word):
        pieces, begin = [], 0
        while begin < len(word):
            prefix = '##' if begin else ''
            ends = [end for end in range(len(word), begin, -1)
                    if prefix + word[begin:end] in self.vocabulary]
            if not ends:
                return ['[UNK]']
            pieces.append(prefix + word[begin:ends[0]])
            begin = ends[0]
        return pieces

    def _encode(self, ids, attended):
        """BertModel; tokens from `attended` on are no keys, but they are queries."""
        weights, epsilon = self.weights, self.config['layer_norm_eps']
        heads = self.config['num_attention_heads']
        bias = visible(np.arange(len(ids)) < attended)
        x = weights['embeddings.word_embeddings.weight'][ids]
        x = x + weights['embeddings.position_embeddings.weight'][:len(ids)]
        x = x + weights['embeddings.token_type_embeddings.weight'][0]
        x = layer_norm(weights, 'embeddings.LayerNorm', x, epsilon)
        for i in range(self.config['num_hidden_layers']):
            layer = f'encoder.layer.{i}.'
            query, key, value = (
                split_heads(linear(weights, f'{layer}attention.self.{name}', x), heads)
                for name in ('query', 'key', 'value'))
            context = attention(query, key, value, (x.shape[1] // heads) ** -0.5, bias)
            x = layer_norm(weights, layer + 'attention.output.LayerNorm',
                           linear(weights, layer + 'attention.output.dense', context) + x, epsilon)
            wide = gelu(linear(weights, layer + 'intermediate.dense', x))
            x = layer_norm(weights, layer + 'output.LayerNorm',
                           linear(weights, layer + 'output.dense', wide) + x, epsilon)
        return x
