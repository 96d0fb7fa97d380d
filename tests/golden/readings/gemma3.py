"""EmbeddingGemma (gemma3_text), read from transformers 5.5.0.dev0 (commit 2da00a3cec88, 2026-03).

models/gemma3/modeling_gemma3.py: Gemma3TextScaledWordEmbedding (times sqrt(hidden_size)),
Gemma3RMSNorm (1 + weight), Gemma3Attention (scale query_pre_attn_scalar ** -0.5, norms on each
head's query and key before the rotation), Gemma3MLP, Gemma3DecoderLayer (norms on both sides of
both blocks), norm. With use_bidirectional_attention a full layer sees everything, a sliding one
abs(i - j) < sliding_window // 2 + 1 (configuration_gemma3.py, __post_init__, and
_bidirectional_window_overlay). Sliding layers rotate with rope_local_base_freq.

layer_types says which layers are full; where a file lacks it, every n-th counted from 1, with n
from _sliding_window_pattern as text-embeddings-inference takes it (gemma3.rs). The class in
transformers knows that key by its older name only and would take n = 6, so hub files have both.
"""
import math

from arithmetic import (attention, distances, gelu_tanh, inverse_frequencies, linear, rms_norm,
                        rotate, split_heads, visible)


def hidden_states(config, tensors, ids):
    epsilon, width = config['rms_norm_eps'], config['head_dim']
    near = visible(distances(len(ids)) < config['sliding_window'] // 2 + 1)
    types = config.get('layer_types')

    def norm(name, x):
        return rms_norm(x, 1 + tensors[name + '.weight'], epsilon)

    x = tensors['embed_tokens.weight'][ids] * math.sqrt(config['hidden_size'])
    for i in range(config['num_hidden_layers']):
        layer = f'layers.{i}.'
        is_full = (types[i] == 'full_attention' if types else
                   (i + 1) % config['_sliding_window_pattern'] == 0)
        frequencies = inverse_frequencies(
            width, config['rope_theta' if is_full else 'rope_local_base_freq'])
        normed = norm(layer + 'input_layernorm', x)
        query = split_heads(linear(tensors, layer + 'self_attn.q_proj', normed),
                            config['num_attention_heads'])
        key, value = (split_heads(linear(tensors, layer + f'self_attn.{name}', normed),
                                  config['num_key_value_heads']) for name in ('k_proj', 'v_proj'))
        query = rotate(norm(layer + 'self_attn.q_norm', query), frequencies)
        key = rotate(norm(layer + 'self_attn.k_norm', key), frequencies)
        context = attention(query, key, value, config['query_pre_attn_scalar'] ** -0.5,
                            0.0 if is_full else near)
        out = linear(tensors, layer + 'self_attn.o_proj', context)
        x = x + norm(layer + 'post_attention_layernorm', out)
        normed = norm(layer + 'pre_feedforward_layernorm', x)
        gated = gelu_tanh(linear(tensors, layer + 'mlp.gate_proj', normed)) * linear(
            tensors, layer + 'mlp.up_proj', normed)
        out = linear(tensors, layer + 'mlp.down_proj', gated)
        x = x + norm(layer + 'post_feedforward_layernorm', out)
    return norm('norm', x)
