"""ModernBERT, read from transformers 5.5.0.dev0 (commit 2da00a3cec88, March 2026).

models/modernbert/modeling_modernbert.py: ModernBertEmbeddings, ModernBertMLP (the first half of Wi
goes through the activation), ModernBertAttention (Wqkv is query, key, value, each all heads),
ModernBertEncoderLayer (before the attention of layer 0 there is no norm), final_norm.
configuration_modernbert.py: every n-th layer from 0 is global, the others see
|i - j| <= local_attention // 2 (masking_utils.py, sliding_window_bidirectional_overlay, inclusive);
both kinds have a rotary base of their own.
"""
from arithmetic import (attention, distances, gelu, inverse_frequencies, layer_norm, linear, parts,
                        rotate, split_heads, visible, without_prefix)


def hidden_states(config, tensors, ids):
    weights = without_prefix(tensors, 'model.')
    heads, epsilon = config['num_attention_heads'], config['norm_eps']
    width = config['hidden_size'] // heads
    x = weights['embeddings.tok_embeddings.weight'][ids]
    x = layer_norm(weights, 'embeddings.norm', x, epsilon)
    near = visible(distances(len(ids)) <= config['local_attention'] // 2)
    for i in range(config['num_hidden_layers']):
        layer = f'layers.{i}.'
        is_global = i % config['global_attn_every_n_layers'] == 0
        base = config['global_rope_theta' if is_global else 'local_rope_theta']
        frequencies = inverse_frequencies(width, base)
        normed = x if i == 0 else layer_norm(weights, layer + 'attn_norm', x, epsilon)
        qkv = linear(weights, layer + 'attn.Wqkv', normed)
        query, key, value = (split_heads(part, heads) for part in parts(qkv, 3))
        context = attention(rotate(query, frequencies), rotate(key, frequencies), value,
                            width ** -0.5, 0.0 if is_global else near)
        x = x + linear(weights, layer + 'attn.Wo', context)
        normed = layer_norm(weights, layer + 'mlp_norm', x, epsilon)
        wide = linear(weights, layer + 'mlp.Wi', normed)
        activated, gate = parts(wide, 2)
        x = x + linear(weights, layer + 'mlp.Wo', gelu(activated) * gate)
    return layer_norm(weights, 'final_norm', x, epsilon)

