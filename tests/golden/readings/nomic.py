"""NomicBERT (v1, v1.5), read from contrastors (commit 613ddfd37309, February 2025).

src/contrastors/models/huggingface/modeling_hf_nomic_bert.py, the file that the hub's checkpoints
run: NomicBertEmbeddings (token type 0 is added, no positions), emb_ln, NomicBertAttention
("(three h d)", rotary on the first rotary_emb_fraction of a head), NomicBertBlock with prenorm
false, NomciBertGatedMLP (y = fc11(x), gate = fc12(x): silu on the gate).
NomicBertDynamicNTKRotaryEmbedding: with a scaling factor, a text longer than max_trained_positions
gets a base that grows with its length.
"""
import numpy as np
from arithmetic import (attention, inverse_frequencies, layer_norm, linear, parts, rotate, silu,
                        split_heads)


def hidden_states(config, tensors, ids):
    heads, epsilon = config['n_head'], config['layer_norm_epsilon']
    width = config['n_embd'] // heads
    turned = int(width * config['rotary_emb_fraction'])
    frequencies = inverse_frequencies(turned, _base(config, turned, len(ids)))
    x = tensors['embeddings.word_embeddings.weight'][ids]
    x = x + tensors['embeddings.token_type_embeddings.weight'][0]
    x = layer_norm(tensors, 'emb_ln', x, epsilon)
    for i in range(config['n_layer']):
        layer = f'encoder.layers.{i}.'
        query, key, value = (split_heads(part, heads) for part in
                             parts(linear(tensors, layer + 'attn.Wqkv', x), 3))
        context = attention(_turn(query, turned, frequencies), _turn(key, turned, frequencies),
                            value, width ** -0.5)
        x = layer_norm(tensors, layer + 'norm1',
                       linear(tensors, layer + 'attn.out_proj', context) + x, epsilon)
        gated = linear(tensors, layer + 'mlp.fc11', x) * silu(
            linear(tensors, layer + 'mlp.fc12', x))
        x = layer_norm(tensors, layer + 'norm2',
                       linear(tensors, layer + 'mlp.fc2', gated) + x, epsilon)
    return x


def _base(config, turned, length):
    base, factor = config['rotary_emb_base'], config.get('rotary_scaling_factor')
    trained = config.get('max_trained_positions', 2048)
    if not factor or length <= trained:
        return base
    return base * (factor * length / trained - (factor - 1)) ** (turned / (turned - 2))


def _turn(x, turned, frequencies):
    return np.concatenate([rotate(x[..., :turned], frequencies), x[..., turned:]], -1)
