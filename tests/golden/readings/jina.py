"""JinaBERT v2, both variants of its code.

Plain (jina-bert-implementation): its own file is on the model hub only. Read from three ports by
other people, which agree: text-embeddings-inference (commit 0d124dc9773b, July 2026),
backends/candle/src/models/jina.rs and src/alibi.rs; candle (commit 2a13b0f3ff62, August 2026),
candle-transformers/src/models/jina_bert.rs; and tpu-inference, models/jax/jina_bert.py.
Code (jina-bert-v2-qk-post-norm): read from its pull request to transformers (commit 1c8103d8504d,
src/transformers/models/jina_bert/modeling_jina_bert.py).

Slopes as in _get_alibi_head_slopes: powers of two, and for other numbers of heads every second
slope of the next power is appended. The bias -slope * |i - j| is added to scaled scores.
The MLP has no bias on the way up. Plain: GELU on the first half of gated_layers, sum and norm
inside the MLP. Code: norms on whole query and key rows before heads are split, GELU on the
second half of up_gated_layer, and two norms after the attention: attention.output.LayerNorm over
(projection + input), then layer_norm_1 over (input + that).
"""
import math

import numpy as np
from arithmetic import attention, distances, gelu, layer_norm, linear, parts, split_heads


def hidden_states(config, tensors, ids):
    epsilon = config['layer_norm_eps']
    bias = -np.array(slopes(config['num_attention_heads']))[:, None, None] * distances(len(ids))
    x = tensors['embeddings.word_embeddings.weight'][ids]
    x = x + tensors['embeddings.token_type_embeddings.weight'][0]
    x = layer_norm(tensors, 'embeddings.LayerNorm', x, epsilon)
    is_code = config['_name_or_path'].endswith('qk-post-norm')
    for i in range(config['num_hidden_layers']):
        layer = f'encoder.layer.{i}.'
        attended = _attend(config, tensors, layer + 'attention.', x, bias)
        x = (_code_mlp(tensors, layer, x, attended, epsilon) if is_code else
             _plain_mlp(tensors, layer, attended, epsilon))
    return x


def _attend(config, tensors, name, x, bias):
    heads, epsilon = config['num_attention_heads'], config['layer_norm_eps']
    query = linear(tensors, name + 'self.query', x)
    key = linear(tensors, name + 'self.key', x)
    if name + 'self.layer_norm_q.weight' in tensors:
        query = layer_norm(tensors, name + 'self.layer_norm_q', query, epsilon)
        key = layer_norm(tensors, name + 'self.layer_norm_k', key, epsilon)
    value = linear(tensors, name + 'self.value', x)
    context = attention(split_heads(query, heads), split_heads(key, heads),
                        split_heads(value, heads), (x.shape[1] // heads) ** -0.5, bias)
    return layer_norm(tensors, name + 'output.LayerNorm',
                      linear(tensors, name + 'output.dense', context) + x, epsilon)


def _plain_mlp(tensors, layer, x, epsilon):
    gated, plain = parts(linear(tensors, layer + 'mlp.gated_layers', x), 2)
    down = linear(tensors, layer + 'mlp.wo', gelu(gated) * plain)
    return layer_norm(tensors, layer + 'mlp.layernorm', down + x, epsilon)


def _code_mlp(tensors, layer, x, attended, epsilon):
    x = layer_norm(tensors, layer + 'layer_norm_1', x + attended, epsilon)
    up, gated = parts(linear(tensors, layer + 'mlp.up_gated_layer', x), 2)
    down = linear(tensors, layer + 'mlp.down_layer', up * gelu(gated))
    return layer_norm(tensors, layer + 'layer_norm_2', x + down, epsilon)


def slopes(heads):
    """One slope a head."""
    power = 2 ** math.floor(math.log2(heads))
    start = 2 ** -(2 ** -(math.log2(power) - 3))
    own = [start * start ** i for i in range(power)]
    return own if power == heads else own + slopes(2 * power)[0::2][:heads - power]
