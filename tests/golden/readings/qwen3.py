"""Qwen3, read from transformers 5.5.0.dev0 (commit 2da00a3cec88, March 2026).

models/qwen3/modeling_qwen3.py: Qwen3RMSNorm, Qwen3Attention (norms on each head's query and key
before the rotation, fewer heads of keys and values, causal), Qwen3MLP, Qwen3DecoderLayer, norm.
"""
import numpy as np
from arithmetic import (attention, inverse_frequencies, linear, rms_norm, rotate, silu, split_heads,
                        visible)


def hidden_states(config, tensors, ids):
    epsilon, width = config['rms_norm_eps'], config['head_dim']
    frequencies = inverse_frequencies(width, config['rope_theta'])
    causal = visible(np.tri(len(ids), dtype=bool))
    x = tensors['embed_tokens.weight'][ids]
    for i in range(config['num_hidden_layers']):
        layer = f'layers.{i}.'

        def head_parts(name, normed, heads):
            return split_heads(linear(tensors, f'{layer}self_attn.{name}', normed), heads)

        def turned(name, x):
            scale = tensors[f'{layer}self_attn.{name}.weight']
            return rotate(rms_norm(x, scale, epsilon), frequencies)

        normed = rms_norm(x, tensors[layer + 'input_layernorm.weight'], epsilon)
        query = head_parts('q_proj', normed, config['num_attention_heads'])
        key = head_parts('k_proj', normed, config['num_key_value_heads'])
        value = head_parts('v_proj', normed, config['num_key_value_heads'])
        context = attention(turned('q_norm', query), turned('k_norm', key), value, width ** -0.5,
                            causal)
        x = x + linear(tensors, layer + 'self_attn.o_proj', context)
        normed = rms_norm(x, tensors[layer + 'post_attention_layernorm.weight'], epsilon)
        gated = silu(linear(tensors, layer + 'mlp.gate_proj', normed)) * linear(
            tensors, layer + 'mlp.up_proj', normed)
        x = x + linear(tensors, layer + 'mlp.down_proj', gated)
    return rms_norm(x, tensors['norm.weight'], epsilon)
