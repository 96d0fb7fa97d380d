#!/usr/bin/env python3
"""Makes the golden cases of heads that weigh tokens, in tests/golden/heads: SPLADE over a BERT and a
DistilBERT, and bge-m3's three heads, tiny folders with what the originals make of texts in float64.
Encoder and masked-language head are transformers', SPLADE's pooling sentence-transformers' own
module, bge-m3's heads FlagEmbedding's own class (see tests/golden/README.md).

  make_golden_sparse.py [CASE ...]      # needs numpy, torch, transformers, sentence_transformers >= 5,
                                        # and FlagEmbedding for bge_m3
"""
import json
import sys

import numpy as np
from make_golden_families import BERT, H, FFN, HEADS, Weights, write_safetensors
from make_golden_heads import DATA, TEXTS, WORDS, tokenizer_json, write

POSITIONS = 48
M3_WORDS = ['<s>', '<pad>', '</s>', '<unk>'] + WORDS[7:]


def load(model, w, skip=()):
    """Seeded weights, rounded to f16 as they are stored, into a model of transformers."""
    import torch
    state = {}
    for name, t in model.state_dict().items():
        if not t.is_floating_point() or any(part in name for part in skip):
            continue
        norm = 'orm.weight' in name
        values = w(name, *t.shape, mean=1.0 if norm else 0.0, scale=0.2 if norm else None)
        state[name] = torch.from_numpy(values)
    model.double().eval().load_state_dict(state, strict=False)
    if hasattr(model, 'tie_weights'):
        model.tie_weights()
    return model


def bert_tokenizer(folder, words, **special):
    import transformers
    (folder / 'vocab.txt').write_text('\n'.join(words) + '\n')
    return transformers.BertTokenizer(str(folder / 'vocab.txt'), **special)


def sparse(vector):
    """Weights by token id, those that are not zero."""
    return {str(i): round(float(x), 13) for i, x in enumerate(vector) if x > 0}


def splade(name, folder, w):
    import torch
    import transformers
    from sentence_transformers.sparse_encoder.modules.splade_pooling import SpladePooling
    if name == 'splade_bert':
        config = {'architectures': ['BertForMaskedLM'], 'model_type': 'bert', **BERT,
                  'vocab_size': len(WORDS), 'max_position_embeddings': POSITIONS}
        model = transformers.BertForMaskedLM(transformers.BertConfig(**config))
        pooling = SpladePooling()
    else:
        config = dict(architectures=['DistilBertForMaskedLM'], model_type='distilbert', dim=H,
                      n_layers=2, n_heads=HEADS, hidden_dim=FFN, activation='relu',
                      vocab_size=len(WORDS), max_position_embeddings=POSITIONS)
        model = transformers.DistilBertForMaskedLM(transformers.DistilBertConfig(**config))
        pooling = SpladePooling('sum', 'log1p_relu')
        write(folder, 'modules.json', [
            dict(idx=0, name='0', path='', type='sentence_transformers.sparse_encoder.models.'
                 'MLMTransformer.MLMTransformer'),
            dict(idx=1, name='1', path='1_SpladePooling', type='sentence_transformers.'
                 'sparse_encoder.models.SpladePooling.SpladePooling')])
        write(folder, '1_SpladePooling/config.json', dict(
            pooling_strategy='sum', activation_function='log1p_relu',
            word_embedding_dimension=len(WORDS)))
    tied = ('decoder', 'vocab_projector.weight', 'pooler')
    load(model, w, tied)
    # Half of the weights would be above zero; a trained head has few.
    bias = 'cls.predictions.bias' if name == 'splade_bert' else 'vocab_projector.bias'
    lowered = (w.tensors[bias].astype(np.float64) - 1.0).astype('<f2')
    w.tensors[bias] = lowered
    head = model.cls.predictions if name == 'splade_bert' else model.vocab_projector
    head.bias.data = torch.from_numpy(lowered.astype(np.float64))
    if name == 'splade_bert':
        head.decoder.bias = head.bias
    write(folder, 'config.json', config)
    tokenizer = bert_tokenizer(folder, WORDS)
    write_safetensors(folder / 'model.safetensors', w.tensors)
    pooling.eval()
    items = []
    for text in TEXTS:
        ids = tokenizer.encode(text, max_length=POSITIONS, truncation=True)
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids])).logits
            mask = torch.ones(1, len(ids), dtype=torch.int64)
            vector = pooling({'token_embeddings': logits, 'attention_mask': mask})
        items.append(dict(text=text, input_ids=ids,
                          weights=sparse(vector['sentence_embedding'][0].numpy())))
    return items, f'transformers {type(model).__name__} and SpladePooling, float64'


def bge_m3(folder, w):
    import torch
    import transformers
    from FlagEmbedding.finetune.embedder.encoder_only.m3.modeling import \
        EncoderOnlyEmbedderM3ModelForInference
    config = {'architectures': ['XLMRobertaModel'], 'model_type': 'xlm-roberta', **BERT,
              'type_vocab_size': 1, 'layer_norm_eps': 1e-5, 'pad_token_id': 1,
              'vocab_size': len(M3_WORDS), 'max_position_embeddings': POSITIONS + 2}
    model = load(transformers.XLMRobertaModel(transformers.XLMRobertaConfig(**config),
                                              add_pooling_layer=False), w)
    special = dict(cls_token='<s>', pad_token='<pad>', sep_token='</s>', unk_token='<unk>')
    tokenizer = bert_tokenizer(folder, M3_WORDS, eos_token='</s>', mask_token='<unk>', **special)
    (folder / 'vocab.txt').unlink()
    file = tokenizer_json(WORDS, [])
    text = json.dumps(file)  # the same tokenizer over XLM-R's special tokens
    for old, new in (('[CLS]', '<s>'), ('[SEP]', '</s>'), ('[UNK]', '<unk>')):
        text = text.replace(f'"{old}"', f'"{new}"')
    file = json.loads(text)
    file['model']['vocab'] = {t: i for i, t in enumerate(M3_WORDS)}
    file['added_tokens'] = [dict(t, id=i, content=M3_WORDS[i]) for i, t in
                            enumerate(file['added_tokens'][:4])]
    for token in ('<s>', '</s>'):
        file['post_processor']['special_tokens'][token]['ids'] = [M3_WORDS.index(token)]
    write(folder, 'tokenizer.json', file)
    write(folder, 'tokenizer_config.json', dict(
        model_max_length=POSITIONS, eos_token='</s>', **{k: v for k, v in special.items()}))
    write(folder, 'config.json', config)
    write(folder, 'modules.json', [
        dict(idx=0, name='0', path='', type='sentence_transformers.models.Transformer'),
        dict(idx=1, name='1', path='1_Pooling', type='sentence_transformers.models.Pooling'),
        dict(idx=2, name='2', path='2_Normalize', type='sentence_transformers.models.Normalize')])
    write(folder, '1_Pooling/config.json', dict(word_embedding_dimension=H,
                                                pooling_mode_cls_token=True,
                                                pooling_mode_mean_tokens=False))
    write_safetensors(folder / 'model.safetensors', w.tensors)
    linears = {}
    for name, out in (('sparse_linear', 1), ('colbert_linear', 10)):
        linear = torch.nn.Linear(H, out)
        own = Weights(len(name))
        linear.load_state_dict({'weight': torch.from_numpy(own('weight', out, H)),
                                'bias': torch.from_numpy(own('bias', out))})
        torch.save(linear.half().state_dict() if out > 1 else linear.state_dict(),
                   folder / f'{name}.pt')
        linears[name] = linear.double()
    m3 = EncoderOnlyEmbedderM3ModelForInference(
        {'model': model, **linears}, tokenizer=tokenizer, sentence_pooling_method='cls',
        normalize_embeddings=True).double().eval()
    items = []
    for text in TEXTS:
        ids = tokenizer.encode(text, max_length=POSITIONS, truncation=True)
        features = {'input_ids': torch.tensor([ids]),
                    'attention_mask': torch.ones(1, len(ids), dtype=torch.int64)}
        with torch.no_grad():
            out = m3(features, return_dense=True, return_sparse=True, return_colbert_vecs=True,
                     return_sparse_embedding=True)
        rounded = [[round(x, 13) for x in v] for v in out['colbert_vecs'][0].tolist()]
        items.append(dict(text=text, input_ids=ids, vectors=rounded,
                          dense=[round(x, 13) for x in out['dense_vecs'][0].tolist()],
                          weights=sparse(out['sparse_vecs'][0].numpy())))
    return items, 'transformers XLMRobertaModel and FlagEmbedding, float64'


def make(name):
    folder = DATA / name / 'model'
    folder.mkdir(parents=True, exist_ok=True)
    w = Weights(sum(map(ord, name)))
    items, source = bge_m3(folder, w) if name == 'bge_m3' else splade(name, folder, w)
    (DATA / name / 'golden.json').write_text(json.dumps(
        {'source': source, 'items': items}, separators=(',', ':')) + '\n')
    print(name, len(items), 'weights', [len(i['weights']) for i in items])


if __name__ == '__main__':
    for case in sys.argv[1:] or ('splade_bert', 'splade_distilbert', 'bge_m3'):
        make(case)
