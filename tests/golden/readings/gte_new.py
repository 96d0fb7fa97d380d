"""GTE, Stella ("new"), read from Alibaba-NLP's modeling.py ("PyTorch NEW model", The GTE Team).

The copy read is sparsecl/gte/modeling.py of xuhaike/SparseCL (commit 14fcd8bcfeef, June 2024).
NewEmbeddings (token type 0 is added), RotaryEmbedding and NTKScalingRotaryEmbedding,
NewAttention (qkv_proj), NewGatedMLP (up first; the activation is on the gate, the second half),
NewLayer (norm after the sum).

NTK without mixed_b: the table is made for max_position_embeddings * factor positions, more than
max_position_embeddings, so that the scaling holds for every text, short ones too:
base * factor, and each frequency divided by factor ** (2 / width).
"""
from arithmetic import (attention, gelu, inverse_frequencies, layer_norm, linear, parts, rotate,
                        split_heads, without_prefix)


def hidden_states(config, tensors, ids):
    weights = without_prefix(tensors, 'new.')
    heads, epsilon = config['num_attention_heads'], config['layer_norm_eps']
    width = config['hidden_size'] // heads
    frequencies = _frequencies(config, width)
    x = weights['embeddings.word_embeddings.weight'][ids]
    x = x + weights['embeddings.token_type_embeddings.weight'][0]
    x = layer_norm(weights, 'embeddings.LayerNorm', x, epsilon)
    for i in range(config['num_hidden_layers']):
        layer = f'encoder.layer.{i}.'
        query, key, value = (split_heads(part, heads) for part in
                             parts(linear(weights, layer + 'attention.qkv_proj', x), 3))
        context = attention(rotate(query, frequencies), rotate(key, frequencies), value,
                            width ** -0.5)
        x = layer_norm(weights, layer + 'attn_ln',
                       x + linear(weights, layer + 'attention.o_proj', context), epsilon)
        up, gate = parts(linear(weights, layer + 'mlp.up_gate_proj', x), 2)
        x = layer_norm(weights, layer + 'mlp_ln',
                       x + linear(weights, layer + 'mlp.down_proj', gelu(gate) * up), epsilon)
    return x


def _frequencies(config, width):
    scaling = config.get('rope_scaling')
    if not scaling:
        return inverse_frequencies(width, config['rope_theta'])
    factor = scaling['factor']
    return inverse_frequencies(width, config['rope_theta'] * factor) / factor ** (2 / width)
