#!/usr/bin/env python3
r"""Makes a Hugging Face style model folder of any shape with seeded synthetic weights.

The weights depend on --seed, the tensor's canonical name and the shape alone: not on dtype (but
for rounding), sharding, name prefix, tokenizer, numpy version or machine. They come from a
counter-based generator (SplitMix64) and exactly rounded arithmetic: any program can remake them.

  make_model.py OUT --preset minilm --tokenizer DIR          # 6x384, tokenizer files copied
  make_model.py OUT --layers 2 --hidden 64 --heads 4 --ffn 256 --tokenizer wordpiece
  make_model.py OUT --family xlm-roberta --tokenizer sentencepiece --pooling cls,mean \
                --dense 32:Tanh

Needs Python 3.9 and numpy. Only as much memory as the largest piece of a tensor is used.
"""
import argparse
import json
import math
import pathlib
import struct
import sys
import zlib

import numpy as np

import model_tokenizers

PRESETS = {
    'minilm': dict(layers=6, hidden=384, heads=12, ffn=1536),
    'base': dict(layers=12, hidden=768, heads=12, ffn=3072),
    'tiny': dict(layers=2, hidden=64, heads=4, ffn=256),
}
# family -> configuration that differs from BERT's
FAMILIES = {
    'bert': dict(cls='BertModel', prefix='bert.', pad=0, eps=1e-12, types=2, offset=False),
    'distilbert': dict(cls='DistilBertModel', prefix='distilbert.', pad=0, eps=1e-12, types=0,
                       offset=False),
    'roberta': dict(cls='RobertaModel', prefix='roberta.', pad=1, eps=1e-5, types=1, offset=True),
    'xlm-roberta': dict(cls='XLMRobertaModel', prefix='roberta.', pad=1, eps=1e-5, types=1,
                        offset=True),
    'camembert': dict(cls='CamembertModel', prefix='roberta.', pad=1, eps=1e-5, types=1,
                      offset=True),
}
# mode -> key of the legacy configuration; sentence-transformers concatenates in this order
POOLING_KEYS = {
    'cls': 'pooling_mode_cls_token',
    'max': 'pooling_mode_max_tokens',
    'mean': 'pooling_mode_mean_tokens',
    'mean_sqrt_len_tokens': 'pooling_mode_mean_sqrt_len_tokens',
    'weightedmean': 'pooling_mode_weightedmean_tokens',
    'lasttoken': 'pooling_mode_lasttoken',
}
MODULE_TYPES = {
    'old': {m: f'sentence_transformers.models.{m}'
            for m in ('Transformer', 'Pooling', 'Dense', 'Normalize')},
    'new': {
        'Transformer': 'sentence_transformers.base.modules.transformer.Transformer',
        'Pooling': 'sentence_transformers.sentence_transformer.modules.pooling.Pooling',
        'Dense': 'sentence_transformers.base.modules.dense.Dense',
        'Normalize': 'sentence_transformers.base.modules.normalize.Normalize',
    },
}

# --- seeded numbers -------------------------------------------------------------------------------

PIECE = 1 << 22  # elements made at a time: bounds memory


def splitmix64(key, start, count):
    """`count` outputs of SplitMix64 (Steele, Lea and Flood 2014) from position `start` of stream
    `key`. Position i depends on key and i alone."""
    gamma = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over='ignore'):
        z = np.uint64(key) + np.arange(start + 1, start + count + 1, dtype=np.uint64) * gamma
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def normal(key, start, count):
    """Near-normal float64 values, mean 0, variance 1: the sum of four 16-bit uniforms (Irwin-Hall).
    Integer sums and one division, so exact on every machine; no logarithm or cosine."""
    raw = splitmix64(key, start, count)
    mask = np.uint64(0xFFFF)
    total = raw & mask
    for shift in (16, 32, 48):
        total = total + ((raw >> np.uint64(shift)) & mask)
    return (total.astype(np.float64) - 131070.0) / 37837.2


def stream_key(seed, name):
    """A 64-bit stream for a tensor: its name's CRC beside the seed, mixed once."""
    key = (seed << 32 ^ zlib.crc32(name.encode())) % 2**64
    return int(splitmix64(key, 0, 1)[0])


# --- tensors --------------------------------------------------------------------------------------


class Tensor:
    """A tensor to be made: `name` in the file, `canonical` for the seed, `role` for its scale."""

    def __init__(self, name, canonical, shape, role):
        self.name, self.canonical, self.shape, self.role = name, canonical, tuple(shape), role

    @property
    def size(self):
        return math.prod(self.shape)


def outliers(key, n, channels, which):
    """Index array of the few channels that trained checkpoints show far off the rest."""
    order = splitmix64(key ^ 0x5DEECE66D, which * 64, channels)
    return (order % np.uint64(n)).astype(np.int64)


def values(tensor, seed, start, count):
    """Elements [start, start+count) of a tensor in float64. Scales follow trained encoders: norms
    near one with outlier channels, heavier tails than normal in matrices, small tables."""
    key = stream_key(seed, tensor.canonical)
    x = normal(key, start, count)
    role = tensor.role
    if role in ('norm.weight', 'norm.bias', 'last_norm.weight', 'last_norm.bias'):
        return norm_values(tensor, key, x)
    if role == 'bias':
        return 0.06 * x
    if role in ('word', 'position', 'type', 'pooler'):
        return {'word': 0.05, 'position': 0.015, 'type': 0.012, 'pooler': 0.02}[role] * x
    gain = {'query_key': 1.25, 'linear': 1.1, 'ffn_down': 1.4}[role]
    tails = x * (0.85 + 0.05 * x * x)  # variance stays 1 within 2 %
    return tails * (gain / math.sqrt(tensor.shape[1]))


def norm_values(tensor, key, x):
    """A LayerNorm vector. The last norm's bias has no outliers: a large common vector would make
    all texts alike and hide errors."""
    if tensor.role.endswith('weight'):
        x = 0.85 + 0.12 * x
        x[outliers(key, x.size, 4, 0)] *= np.array([2.5, 0.2, 3.0, 1.8])
    else:
        x = 0.06 * x
        if tensor.role == 'norm.bias':
            x[outliers(key, x.size, 3, 1)] += np.array([1.5, -1.2, 0.8])
    return x


def to_bytes(x, dtype):
    """float64 -> little-endian bytes. f16 and bf16 are rounded from the f32 value, to nearest even,
    as a checkpoint converter does."""
    x = x.astype('<f4')
    if dtype == 'f32':
        return x.tobytes()
    if dtype == 'f16':
        return x.astype('<f2').tobytes()
    bits = x.view('<u4')
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype('<u2').tobytes()


def encoder_tensors(a):
    """All tensors of the checkpoint, in file order."""
    bert, out = a.family != 'distilbert', []
    alias = {'weight': 'gamma', 'bias': 'beta'} if a.gamma_beta else {}

    def add(name, shape, role):
        out.append(Tensor(a.prefix + name, name, shape, role))

    def linear(name, rows, columns, role='linear'):
        add(name + '.weight', (rows, columns), role)
        add(name + '.bias', (rows,), 'bias')

    def norm(name, last=False):
        for part in ('weight', 'bias'):
            role = ('last_norm.' if last else 'norm.') + part
            out.append(Tensor(f'{a.prefix}{name}.{alias.get(part, part)}', f'{name}.{part}',
                              (a.hidden,), role))

    rows = a.max_positions + (a.pad_id + 1 if FAMILIES[a.family]['offset'] else 0)
    add('embeddings.word_embeddings.weight', (a.vocab, a.hidden), 'word')
    add('embeddings.position_embeddings.weight', (rows, a.hidden), 'position')
    if bert:
        add('embeddings.token_type_embeddings.weight', (a.type_vocab, a.hidden), 'type')
    norm('embeddings.LayerNorm')
    names = layer_names(bert)
    for i in range(a.layers):
        at = f'{"encoder.layer" if bert else "transformer.layer"}.{i}.'
        linear(at + names['q'], a.hidden, a.hidden, 'query_key')
        linear(at + names['k'], a.hidden, a.hidden, 'query_key')
        linear(at + names['v'], a.hidden, a.hidden)
        linear(at + names['o'], a.hidden, a.hidden)
        norm(at + names['norm1'])
        linear(at + names['up'], a.ffn, a.hidden)
        linear(at + names['down'], a.hidden, a.ffn, 'ffn_down')
        norm(at + names['norm2'], last=i == a.layers - 1)
    if bert and a.pooler:  # weights that an embedding tool must leave alone
        linear('pooler.dense', a.hidden, a.hidden, 'pooler')
        if a.prefix:
            out.append(Tensor('cls.predictions.bias', 'cls.predictions.bias', (a.vocab,), 'bias'))
    return out


def layer_names(bert):
    if bert:
        return dict(q='attention.self.query', k='attention.self.key', v='attention.self.value',
                    o='attention.output.dense', norm1='attention.output.LayerNorm',
                    up='intermediate.dense', down='output.dense', norm2='output.LayerNorm')
    return dict(q='attention.q_lin', k='attention.k_lin', v='attention.v_lin',
                o='attention.out_lin', norm1='sa_layer_norm', up='ffn.lin1', down='ffn.lin2',
                norm2='output_layer_norm')


# --- files ----------------------------------------------------------------------------------------


def write_safetensors(path, tensors, dtype, seed):
    """Streams tensors to a safetensors file (header length, JSON header, data)."""
    width = 4 if dtype == 'f32' else 2
    header, offset = {'__metadata__': {'format': 'pt'}}, 0
    for t in tensors:
        end = offset + t.size * width
        header[t.name] = dict(dtype=dtype.upper(), shape=list(t.shape), data_offsets=[offset, end])
        offset = end
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text)
        for t in tensors:
            for start in range(0, t.size, PIECE):
                f.write(to_bytes(values(t, seed, start, min(PIECE, t.size - start)), dtype))


def write_weights(out, a):
    tensors = encoder_tensors(a)
    if a.shards == 1:
        write_safetensors(out / 'model.safetensors', tensors, a.dtype, a.seed)
        return
    # Whole tensors, dealt so that the shards are about equal; every shard gets at least one.
    total, groups, done = sum(t.size for t in tensors), [[] for _ in range(a.shards)], 0
    for t in tensors:
        groups[min(a.shards - 1, done * a.shards // total)].append(t)
        done += t.size
    index = {}
    for i, group in enumerate(groups):
        name = f'model-{i + 1:05d}-of-{a.shards:05d}.safetensors'
        write_safetensors(out / name, group, a.dtype, a.seed)
        index.update({t.name: name for t in group})
    width = 4 if a.dtype == 'f32' else 2
    write_json(out / 'model.safetensors.index.json',
               dict(metadata=dict(total_size=total * width), weight_map=index))


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + '\n', encoding='utf-8')


def config(a):
    """config.json with the keys and names that the family's own checkpoints carry."""
    f = FAMILIES[a.family]
    common = dict(architectures=[f['cls']], model_type=a.family, vocab_size=a.vocab,
                  pad_token_id=a.pad_id, torch_dtype={'f32': 'float32', 'f16': 'float16',
                                                      'bf16': 'bfloat16'}[a.dtype])
    if a.family == 'distilbert':
        return dict(common, activation=a.activation, attention_dropout=0.1, dim=a.hidden,
                    dropout=0.1, hidden_dim=a.ffn, initializer_range=0.02,
                    max_position_embeddings=a.max_positions, n_heads=a.heads, n_layers=a.layers,
                    sinusoidal_pos_embds=False, tie_weights_=True)
    c = dict(common, attention_probs_dropout_prob=0.1, hidden_act=a.activation,
             hidden_dropout_prob=0.1, hidden_size=a.hidden, initializer_range=0.02,
             intermediate_size=a.ffn, layer_norm_eps=a.eps,
             max_position_embeddings=a.max_positions + (a.pad_id + 1 if f['offset'] else 0),
             num_attention_heads=a.heads, num_hidden_layers=a.layers,
             position_embedding_type='absolute', type_vocab_size=a.type_vocab, use_cache=True)
    if f['offset']:
        bos = 5 if a.family == 'camembert' else 0
        c.update(bos_token_id=bos, eos_token_id=bos + 1 if bos else 2)
    return c


def write_modules(out, a):
    """sentence-transformers' module chain: Transformer, Pooling, Dense..., Normalize."""
    types, chain = MODULE_TYPES[a.module_types], [('', 'Transformer')]
    modes = a.pooling.split(',')
    chain.append(('1_Pooling', 'Pooling'))
    if a.pooling_keys == 'new':
        cfg = dict(embedding_dimension=a.hidden, pooling_mode=modes if len(modes) > 1 else modes[0],
                   include_prompt=True)
    else:
        keys = list(POOLING_KEYS.items())
        if a.pooling_keys == 'oldest':  # before weighted mean and last token existed
            keys = keys[:4]
        cfg = dict(word_embedding_dimension=a.hidden, **{k: m in modes for m, k in keys})
        if a.pooling_keys == 'legacy':
            cfg['include_prompt'] = True
    write_json(out / '1_Pooling/config.json', cfg)
    width = a.hidden * len(modes)
    for text in a.dense:
        path = f'{len(chain)}_Dense'
        width = write_dense(out / path, text, width, a)
        chain.append((path, 'Dense'))
    if a.normalize:  # its folder is empty, so published models do not have it
        chain.append((f'{len(chain)}_Normalize', 'Normalize'))
    write_json(out / 'modules.json', [dict(idx=i, name=str(i), path=p, type=types[t])
                                      for i, (p, t) in enumerate(chain)])


def write_dense(folder, text, width, a):
    """One Dense module from OUT:ACTIVATION[:nobias][:residual]; returns its output width."""
    size, activation, *flags = text.split(':')
    home = 'linear' if activation == 'Identity' else 'activation'
    cfg = dict(in_features=width, out_features=int(size), bias='nobias' not in flags,
               activation_function=f'torch.nn.modules.{home}.{activation}')
    tensors = [Tensor('linear.weight', folder.name + '.weight', (int(size), width), 'linear')]
    if cfg['bias']:
        tensors.append(Tensor('linear.bias', folder.name + '.bias', (int(size),), 'bias'))
    if 'residual' in flags:
        cfg['use_residual'] = True
        if int(size) != width:
            tensors.append(Tensor('residual.weight', folder.name + '.residual', (int(size), width),
                                  'linear'))
    write_json(folder / 'config.json', cfg)
    write_safetensors(folder / 'model.safetensors', tensors, a.dtype, a.seed)
    return int(size)


def write_sentence_transformers(out, a):
    if a.max_seq_length:
        write_json(out / 'sentence_bert_config.json',
                   dict(max_seq_length=a.max_seq_length, do_lower_case=False))
    if a.modules:
        write_modules(out, a)
        prompts = dict(p.split('=', 1) for p in a.prompt)
        write_json(out / 'config_sentence_transformers.json',
                   dict(__version__=dict(sentence_transformers='2.2.2'), prompts=prompts,
                        default_prompt_name=a.default_prompt, similarity_fn_name='cosine'))


# --- command line ---------------------------------------------------------------------------------


def parser():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('out', type=pathlib.Path)
    p.add_argument('--preset', choices=PRESETS, help='sizes; single options override')
    p.add_argument('--family', choices=FAMILIES, default='bert')
    p.add_argument('--seed', type=int, default=1)
    for name in ('layers', 'hidden', 'heads', 'ffn'):
        p.add_argument('--' + name, type=int)
    p.add_argument('--vocab', type=int, help='default: what the tokenizer has')
    p.add_argument('--max-positions', type=int, default=512,
                   help='longest sequence; offset families get pad_id+1 rows more')
    p.add_argument('--dtype', choices=('f32', 'f16', 'bf16'), default='f32')
    p.add_argument('--activation', default='gelu', help='gelu, gelu_new, relu, silu, …')
    p.add_argument('--shards', type=int, default=1)
    p.add_argument('--prefix', nargs='?', const='auto', default='',
                   help='tensor name prefix; without a value the family\'s own ("bert.")')
    p.add_argument('--gamma-beta', action='store_true', help='old LayerNorm tensor names')
    p.add_argument('--no-pooler', dest='pooler', action='store_false')
    p.add_argument('--pad-id', type=int)
    p.add_argument('--type-vocab', type=int)
    p.add_argument('--eps', type=float, help='LayerNorm epsilon')
    p.add_argument('--tokenizer', default='wordpiece',
                   help='folder to copy from, or wordpiece, sentencepiece, bpe, none')
    p.add_argument('--max-seq-length', type=int, help='writes sentence_bert_config.json')
    p.add_argument('--no-modules', dest='modules', action='store_false',
                   help='a bare transformers folder')
    p.add_argument('--module-types', choices=MODULE_TYPES, default='old')
    p.add_argument('--pooling', default='mean', help='comma-separated: ' + ', '.join(POOLING_KEYS))
    p.add_argument('--pooling-keys', choices=('oldest', 'legacy', 'new'), default='legacy')
    p.add_argument('--dense', action='append', default=[], metavar='OUT:ACT[:nobias][:residual]')
    p.add_argument('--no-normalize', dest='normalize', action='store_false')
    p.add_argument('--prompt', action='append', default=[], metavar='NAME=TEXT')
    p.add_argument('--default-prompt')
    return p


def resolve(p, argv):
    """Parses and fills in what the family, the preset and the tokenizer decide."""
    a = p.parse_args(argv)
    family = FAMILIES[a.family]
    for name, value in PRESETS[a.preset or 'tiny'].items():
        if getattr(a, name) is None:
            setattr(a, name, value)
    a.prefix = family['prefix'] if a.prefix == 'auto' else a.prefix
    for name, key in (('pad_id', 'pad'), ('type_vocab', 'types'), ('eps', 'eps')):
        if getattr(a, name) is None:
            setattr(a, name, family[key])
    if a.vocab is None:
        a.vocab = model_tokenizers.vocab_of(a.tokenizer)
    if a.vocab is None:
        p.error(f'--vocab is needed: cannot tell the size of tokenizer {a.tokenizer!r}')
    if a.hidden % a.heads:
        p.error(f'--hidden {a.hidden} is not a multiple of --heads {a.heads}')
    unknown = [m for m in a.pooling.split(',') if m not in POOLING_KEYS]
    if unknown:
        p.error(f'unknown pooling {unknown[0]!r}')
    if a.family == 'distilbert' and a.eps != 1e-12:
        p.error('DistilBERT\'s epsilon is fixed')
    if not 1 <= a.shards <= len(encoder_tensors(a)):
        p.error('--shards must lie between 1 and the number of tensors')
    return a


def make_model(argv):
    """The program: makes the folder that the arguments describe; returns its path."""
    a = resolve(parser(), argv)
    a.out.mkdir(parents=True, exist_ok=True)
    for stale in a.out.glob('model*.safetensors*'):  # of an earlier run with other shards
        stale.unlink()
    write_json(a.out / 'config.json', config(a))
    write_weights(a.out, a)
    model_tokenizers.write_tokenizer(a.out, a)
    write_sentence_transformers(a.out, a)
    return a.out


if __name__ == '__main__':
    make_model(sys.argv[1:])
