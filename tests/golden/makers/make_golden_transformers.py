#!/usr/bin/env python3
"""Makes the golden cases in tests/golden/data whose reference is transformers 5: a tiny folder each, as
save_pretrained() writes it from seeded random weights, and vectors of the same class in float64.

  make_golden_transformers.py [CASE ...]      # needs torch and transformers >= 5
"""
import json
import pathlib
import sys

import torch
import transformers

DATA = pathlib.Path(__file__).resolve().parents[1] / 'data'
VOCAB = 50
LENGTHS = [1, 2, 3, 5, 8, 13, 17, 18, 33, 47]

# Odd sizes: a hidden size of no power of two, heads whose size times their number is another one,
# fewer key heads.
DECODER = dict(vocab_size=VOCAB, hidden_size=21, num_hidden_layers=3, num_attention_heads=3,
               num_key_value_heads=1, head_dim=10, intermediate_size=19, max_position_embeddings=64,
               pad_token_id=0, bos_token_id=1, eos_token_id=2)
ENCODER = dict(vocab_size=VOCAB, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
               intermediate_size=19, max_position_embeddings=64, type_vocab_size=2, pad_token_id=0,
               bos_token_id=1, eos_token_id=2)
WINDOW = dict(sliding_window=6, layer_types=['sliding_attention', 'full_attention', 'sliding_attention'])
GEMMA = {**DECODER, 'query_pre_attn_scalar': 14, **WINDOW}
YARN = dict(rope_type='yarn', rope_theta=10000.0, factor=4.0, original_max_position_embeddings=16)
LLAMA3 = dict(rope_type='llama3', rope_theta=500000.0, factor=8.0, low_freq_factor=1.0,
              high_freq_factor=4.0, original_max_position_embeddings=16)
LINEAR = dict(rope_type='linear', rope_theta=10000.0, factor=3.0)
DYNAMIC = dict(rope_type='dynamic', rope_theta=10000.0, factor=2.0)
PLAIN = dict(rope_type='default', rope_theta=10000.0)

# case -> (class, configuration)
CASES = {
    'qwen2_bidirectional': ('Qwen2Model', {**DECODER, 'is_causal': False, 'rope_parameters': PLAIN}),
    'qwen2_window': ('Qwen2Model', {**DECODER, 'use_sliding_window': True, 'max_window_layers': 1,
                                    'sliding_window': 6, 'rope_parameters': PLAIN}),
    'qwen3_bidirectional': ('Qwen3Model', {**DECODER, 'is_causal': False, 'rope_parameters': PLAIN}),
    'qwen3_yarn': ('Qwen3Model', {**DECODER, 'rope_parameters': YARN}),
    'qwen3_dynamic': ('Qwen3Model', {**DECODER, 'rope_parameters': DYNAMIC}),
    'llama': ('LlamaModel', {**DECODER, 'rope_parameters': LLAMA3, 'attention_bias': True,
                             'mlp_bias': True}),
    'llama_bidirectional': ('LlamaModel', {**DECODER, 'is_causal': False, 'rope_parameters': LINEAR}),
    'mistral': ('MistralModel', {**DECODER, 'sliding_window': 6, 'rope_parameters': PLAIN}),
    'mistral_full': ('MistralModel', {**DECODER, 'sliding_window': None, 'rope_parameters': PLAIN}),
    'eurobert': ('EuroBertModel', {**DECODER, 'rope_parameters': {**PLAIN, 'rope_theta': 250000.0},
                                   }),
    'gemma3_causal': ('Gemma3TextModel', {**GEMMA, 'rope_parameters': {
        'full_attention': {**LINEAR, 'rope_theta': 1000000.0}, 'sliding_attention': PLAIN}}),
    'gemma3_bidirectional': ('Gemma3TextModel', {**GEMMA, 'use_bidirectional_attention': True}),
    'gte': ('GteModel', {**ENCODER, 'rope_parameters': {**PLAIN, 'rope_theta': 160000.0}}),
    'jina_v3': ('JinaEmbeddingsV3Model', {**ENCODER, 'rope_parameters': {**PLAIN, 'rope_theta': 20000.0}}),
    'nomic_native': ('NomicBertModel', {**ENCODER, 'rope_parameters': {**PLAIN, 'rope_theta': 1000.0}}),
    'modernbert_lists': ('ModernBertModel', {
        **{k: v for k, v in ENCODER.items() if k != 'type_vocab_size'}, 'num_hidden_layers': 3,
        'local_attention': 12, 'cls_token_id': 1, 'sep_token_id': 2,
        'layer_types': ['full_attention', 'sliding_attention', 'full_attention'],
        'rope_parameters': {'full_attention': {**PLAIN, 'rope_theta': 160000.0},
                            'sliding_attention': PLAIN}}),
    'mt5': ('MT5EncoderModel', dict(
        vocab_size=VOCAB, d_model=22, d_kv=6, d_ff=19, num_layers=2, num_heads=3,
        relative_attention_num_buckets=32, relative_attention_max_distance=128, pad_token_id=0,
        eos_token_id=1, decoder_start_token_id=0, feed_forward_proj='gated-gelu')),
}


def seed_weights(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in model.named_parameters():
        norm = 'norm' in name.lower() and name.endswith('weight')
        scale = 0.2 if norm else 0.4 if tensor.dim() == 1 else 1.3 / tensor.shape[-1]**0.5
        gemma = 'Gemma' in type(model).__name__
        mean = 1.0 if norm and not gemma else 0.0
        values = mean + scale * torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
        tensor.data.copy_(values.half().double())  # stored in f16


def encode(model, vocab, lengths, with_tokens=None):
    """The items of a case: random texts of these lengths, and their means; token states of one."""
    generator = torch.Generator().manual_seed(7)
    items = []
    for n in lengths:
        ids = torch.randint(4, vocab, (1, n), generator=generator)
        with torch.no_grad():
            out = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
        assert out.dtype == torch.float64
        item = dict(input_ids=ids[0].tolist(), pooled=[round(x, 13) for x in out.mean(0).tolist()])
        if n == with_tokens:
            item['token_embeddings'] = [[round(x, 13) for x in row] for row in out.tolist()]
        items.append(item)
    return items


def write(folder, what, items):
    """golden.json beside the case's model."""
    (folder / 'golden.json').write_text(
        json.dumps({'source': what, 'spec': [], 'items': items}, separators=(',', ':')) + '\n')
    print(folder.name, what, sum(f.stat().st_size for f in (folder / 'model').iterdir()))


def make(name):
    cls, config = CASES[name]
    model_class = getattr(transformers, cls)
    config = model_class.config_class(**config)
    config._attn_implementation = 'eager'
    model = model_class(config).double().eval()
    with torch.no_grad():
        seed_weights(model, sum(map(ord, name)))
    items = encode(model, VOCAB, LENGTHS, with_tokens=18)
    folder = DATA / name
    (folder / 'model').mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(folder / 'model')
    what = f'transformers {transformers.__version__} {cls}, float64'
    write(folder, what, items)


if __name__ == '__main__':
    for case in sys.argv[1:] or CASES:
        make(case)
