"""What the readings share: tensors of a safetensors file as float64, and the textbook functions.

Everything is float64 and one sequence at a time: arrays are (tokens, width), a head's arrays
(heads, tokens, head width). No padding, hence no mask but those that an architecture asks for.
"""
import json
import math
import struct

import numpy as np

_TYPES = {'F64': '<f8', 'F32': '<f4', 'F16': '<f2'}


def read_safetensors(path):
    """name -> float64 array. Format: u64 header length, JSON header, raw little-endian data."""
    data = path.read_bytes()
    (length,) = struct.unpack_from('<Q', data)
    header = json.loads(data[8:8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == '__metadata__':
            continue
        begin, end = entry['data_offsets']
        raw = data[8 + length + begin:8 + length + end]
        tensors[name] = np.frombuffer(raw, _TYPES[entry['dtype']]).reshape(entry['shape']).astype(
            np.float64)
    return tensors


def without_prefix(tensors, prefix):
    """The tensors below a prefix, named without it."""
    return {name[len(prefix):]: value for name, value in tensors.items()
            if name.startswith(prefix)}


def linear(tensors, name, x):
    """torch.nn.Linear: the weight is (outputs, inputs), the bias added where the file has one."""
    y = x @ tensors[name + '.weight'].T
    return y + tensors[name + '.bias'] if name + '.bias' in tensors else y


def layer_norm(tensors, name, x, epsilon):
    """torch.nn.LayerNorm over the last axis (biased variance), bias only where the file has one."""
    centred = x - x.mean(-1, keepdims=True)
    y = centred / np.sqrt((centred ** 2).mean(-1, keepdims=True) + epsilon)
    y = y * tensors[name + '.weight']
    return y + tensors[name + '.bias'] if name + '.bias' in tensors else y


def rms_norm(x, scale, epsilon):
    return x / np.sqrt((x ** 2).mean(-1, keepdims=True) + epsilon) * scale


def gelu(x):
    """The exact form: x * Phi(x)."""
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))


def silu(x):
    return x / (1 + np.exp(-x))


def split_heads(x, heads):
    """(tokens, heads * width) -> (heads, tokens, width)."""
    return x.reshape(len(x), heads, -1).transpose(1, 0, 2)


def parts(x, count):
    """The last axis in equal parts."""
    return np.split(x, count, -1)


def inverse_frequencies(width, base):
    return 1.0 / base ** (np.arange(0, width, 2) / width)


def rotate(x, frequencies):
    """Rotary positions on (heads, tokens, width), pairing element i with i + width/2."""
    angles = np.arange(x.shape[1])[:, None] * frequencies
    cosine, sine = np.cos(angles), np.sin(angles)
    half = x.shape[2] // 2
    first, second = x[..., :half], x[..., half:]
    return np.concatenate([first * cosine - second * sine, second * cosine + first * sine], -1)


def attention(query, key, value, scale, bias=0.0):
    """softmax(q k' * scale + bias) v, heads joined again: (tokens, heads * width).

    Keys and values may have fewer heads: query head h reads head h // (ratio).
    bias: (tokens, tokens) or (heads, tokens, tokens); -inf where a token is not seen.
    """
    ratio = len(query) // len(key)
    key, value = key.repeat(ratio, 0), value.repeat(ratio, 0)
    scores = query @ key.transpose(0, 2, 1) * scale + bias
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    context = weights @ value
    return context.transpose(1, 0, 2).reshape(context.shape[1], -1)


def distances(tokens):
    """|i - j|."""
    position = np.arange(tokens)
    return np.abs(position[:, None] - position)


def visible(seen):
    """Bias of a mask: 0 where seen, -inf elsewhere."""
    return np.where(seen, 0.0, -np.inf)
