#!/usr/bin/env python3
"""How close every architecture comes to what the machine can do, beside BERT: models with random
weights, all of the same width, heads and FFN, through bench/limit (token ids in memory to vectors,
as a share of GEMM speed).

  cmake -B build/release -DEMBEDTOOL_BENCH=ON && cmake --build build/release --target limit
  bench/architectures.py build/release/bench/limit [--hidden 384,768] [--layers 3] [--rounds 5]
                         [--tokens 0,128,2048]

The architectures take turns, round by round, so that a slow minute of the machine does not fall on
one of them alone; figures are medians over the rounds. Beside BERT they stand by work a second of CPU
time, which other programs disturb less than the share of a limit measured in wall time. Needs numpy.
"""
import argparse
import json
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile

import numpy as np

VOCAB, POSITIONS = 3000, 8192
LONGEST_OF_MIXED = 512
QUERIES_A_KEY = 4  # heads of queries for one of keys, in Qwen and Gemma


def bert_config(h, heads, layers, **more):
    return dict(vocab_size=VOCAB, hidden_size=h, num_hidden_layers=layers, num_attention_heads=heads,
                intermediate_size=4 * h, hidden_act='gelu', max_position_embeddings=POSITIONS + 2,
                type_vocab_size=2, layer_norm_eps=1e-12, **more)


def embeddings(h, positions=True, types=True):
    yield 'embeddings.word_embeddings.weight', (VOCAB, h)
    if positions:
        yield 'embeddings.position_embeddings.weight', (POSITIONS + 2, h)
    if types:
        yield 'embeddings.token_type_embeddings.weight', (2, h)
    yield 'embeddings.LayerNorm', h


def bert_layer(at, h, q, k, v, o, norm, up='intermediate.dense', down='output.dense',
               last='output.LayerNorm'):
    for name in (q, k, v, o):
        yield f'{at}{name}', (h, h, 'bias')
    yield f'{at}{norm}', h
    if up:
        yield f'{at}{up}', (4 * h, h, 'bias')
        yield f'{at}{down}', (h, 4 * h, 'bias')
    yield f'{at}{last}', h


SELF = tuple(f'attention.self.{n}' for n in ('query', 'key', 'value'))


def bert(h, heads, layers):
    yield from embeddings(h)
    for i in range(layers):
        yield from bert_layer(f'encoder.layer.{i}.', h, *SELF, 'attention.output.dense',
                              'attention.output.LayerNorm')


def mpnet(h, heads, layers):
    yield from embeddings(h, types=False)
    yield 'encoder.relative_attention_bias.weight', (32, heads)
    for i in range(layers):
        yield from bert_layer(f'encoder.layer.{i}.', h,
                              *(f'attention.attn.{n}' for n in 'qkvo'), 'attention.LayerNorm')


def distilbert(h, heads, layers):
    yield from embeddings(h, types=False)
    for i in range(layers):
        yield from bert_layer(f'transformer.layer.{i}.', h,
                              *(f'attention.{n}_lin' for n in ('q', 'k', 'v', 'out')),
                              'sa_layer_norm', 'ffn.lin1', 'ffn.lin2', 'output_layer_norm')


def albert(h, heads, layers):
    yield from embeddings(128)
    yield 'encoder.embedding_hidden_mapping_in', (h, 128, 'bias')
    yield from bert_layer('encoder.albert_layer_groups.0.albert_layers.0.', h,
                          *(f'attention.{n}' for n in ('query', 'key', 'value', 'dense')),
                          'attention.LayerNorm', 'ffn', 'ffn_output', 'full_layer_layer_norm')


def electra(h, heads, layers):
    yield from bert(h, heads, layers)


def jina(h, heads, layers):
    yield from embeddings(h, positions=False)
    for i in range(layers):
        at = f'encoder.layer.{i}.'
        yield from bert_layer(at, h, *SELF, 'attention.output.dense', 'attention.output.LayerNorm',
                              up=None, last='mlp.layernorm')
        yield at + 'mlp.gated_layers', (8 * h, h)
        yield at + 'mlp.wo', (h, 4 * h, 'bias')


def nomic(h, heads, layers):
    yield 'embeddings.word_embeddings.weight', (VOCAB, h)
    yield 'embeddings.token_type_embeddings.weight', (2, h)
    yield 'emb_ln', h
    for i in range(layers):
        at = f'encoder.layers.{i}.'
        yield at + 'attn.Wqkv', (3 * h, h)
        yield at + 'attn.out_proj', (h, h)
        yield at + 'mlp.fc11', (4 * h, h)
        yield at + 'mlp.fc12', (4 * h, h)
        yield at + 'mlp.fc2', (h, 4 * h)
        yield at + 'norm1', h
        yield at + 'norm2', h


def gte(h, heads, layers):
    yield from embeddings(h, positions=False)
    for i in range(layers):
        at = f'encoder.layer.{i}.'
        yield at + 'attention.qkv_proj', (3 * h, h, 'bias')
        yield at + 'attention.o_proj', (h, h, 'bias')
        yield at + 'mlp.up_gate_proj', (8 * h, h)
        yield at + 'mlp.down_proj', (h, 4 * h, 'bias')
        yield at + 'attn_ln', h
        yield at + 'mlp_ln', h


def modernbert(h, heads, layers):
    yield 'embeddings.tok_embeddings.weight', (VOCAB, h)
    yield 'embeddings.norm.weight', (h,)
    for i in range(layers):
        at = f'layers.{i}.'
        if i > 0:
            yield at + 'attn_norm.weight', (h,)
        yield at + 'attn.Wqkv', (3 * h, h)
        yield at + 'attn.Wo', (h, h)
        yield at + 'mlp_norm.weight', (h,)
        yield at + 'mlp.Wi', (8 * h, h)
        yield at + 'mlp.Wo', (h, 4 * h)
    yield 'final_norm.weight', (h,)


def decoder(h, heads, layers, norms, biases=False):
    """Qwen and Gemma: all but their norms alike."""
    yield 'embed_tokens.weight', (VOCAB, h)
    bias = ('bias',) if biases else ()
    for i in range(layers):
        at = f'layers.{i}.'
        yield f'{at}self_attn.q_proj', (h, h, *bias)
        for name in 'kv':
            yield f'{at}self_attn.{name}_proj', (h // QUERIES_A_KEY, h, *bias)
        yield at + 'self_attn.o_proj', (h, h)
        yield at + 'mlp.gate_proj', (4 * h, h)
        yield at + 'mlp.up_proj', (4 * h, h)
        yield at + 'mlp.down_proj', (h, 4 * h)
        for name in norms:
            yield f'{at}{name}.weight', (h // heads if 'self_attn' in name else h,)
    yield 'norm.weight', (h,)


PRE = ('input_layernorm', 'post_attention_layernorm')
HEADS_TOO = ('self_attn.q_norm', 'self_attn.k_norm')


def t5(h, heads, layers):
    yield 'shared.weight', (VOCAB, h)
    yield 'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight', (32, heads)
    for i in range(layers):
        at = f'encoder.block.{i}.layer.'
        for name in 'qkvo':
            yield f'{at}0.SelfAttention.{name}', (h, h)
        yield at + '1.DenseReluDense.wi', (4 * h, h)
        yield at + '1.DenseReluDense.wo', (h, 4 * h)
        yield at + '0.layer_norm.weight', (h,)
        yield at + '1.layer_norm.weight', (h,)
    yield 'encoder.final_layer_norm.weight', (h,)


def causal(h, heads, layers, **more):
    return dict(vocab_size=VOCAB, hidden_size=h, num_hidden_layers=layers, num_attention_heads=heads,
                num_key_value_heads=heads // QUERIES_A_KEY, head_dim=h // heads, intermediate_size=4 * h,
                max_position_embeddings=POSITIONS, rms_norm_eps=1e-6, **more)


def describe(family, h, heads, layers):
    """config.json and the tensors: name -> shape; of a linear layer the layer's name and (out, in),
    with 'bias' where it has one; of a LayerNorm its name and width."""
    sizes = (h, heads, layers)
    roomy = bert_config(*sizes)
    if family in ('bert', 'electra', 'mpnet', 'albert'):
        own = {'albert': dict(embedding_size=128, num_hidden_groups=1, inner_group_num=1),
               'electra': dict(embedding_size=h)}.get(family, {})
        return {'model_type': family, **roomy, **own}, globals()[family](*sizes)
    if family == 'xlm-roberta':
        return {'model_type': family, **roomy, 'pad_token_id': 1}, bert(*sizes)
    if family == 'distilbert':
        return dict(model_type=family, vocab_size=VOCAB, dim=h, n_layers=layers, n_heads=heads,
                    hidden_dim=4 * h, activation='gelu',
                    max_position_embeddings=POSITIONS + 2), distilbert(*sizes)
    if family == 'jina':
        return {'model_type': 'bert', **roomy, 'position_embedding_type': 'alibi',
                '_name_or_path': 'jinaai/jina-bert-implementation'}, jina(*sizes)
    if family == 'nomic':
        return dict(model_type='nomic_bert', vocab_size=VOCAB, n_embd=h, n_layer=layers, n_head=heads,
                    n_inner=4 * h, n_positions=POSITIONS, rotary_emb_base=1000,
                    rotary_emb_fraction=1.0, activation_function='swiglu', type_vocab_size=2,
                    prenorm=False, use_rms_norm=False), nomic(*sizes)
    if family == 'gte':
        return {'model_type': 'new', **roomy, 'position_embedding_type': 'rope',
                'rope_theta': 500000}, gte(*sizes)
    if family == 'modernbert':
        return dict(model_type=family, vocab_size=VOCAB, hidden_size=h, num_hidden_layers=layers,
                    num_attention_heads=heads, intermediate_size=4 * h, norm_bias=False,
                    max_position_embeddings=POSITIONS, hidden_activation='gelu', norm_eps=1e-5,
                    global_attn_every_n_layers=3, local_attention=128, global_rope_theta=160000.0,
                    local_rope_theta=10000.0), modernbert(*sizes)
    if family == 'qwen2':
        return causal(*sizes, model_type='qwen2', hidden_act='silu'), decoder(
            *sizes, PRE, biases=True)
    if family == 'qwen3':
        return causal(*sizes, model_type='qwen3', hidden_act='silu'), decoder(
            *sizes, PRE + HEADS_TOO)
    if family == 'gemma3':
        return causal(*sizes, model_type='gemma3_text', query_pre_attn_scalar=h // heads,
                      sliding_window=512, use_bidirectional_attention=True,
                      hidden_activation='gelu_pytorch_tanh'), decoder(
                          *sizes, PRE + HEADS_TOO + ('pre_feedforward_layernorm',
                                                     'post_feedforward_layernorm'))
    return dict(model_type='t5', vocab_size=VOCAB, d_model=h, d_kv=h // heads, d_ff=4 * h,
                num_layers=layers, num_heads=heads, feed_forward_proj='relu',
                n_positions=POSITIONS), t5(*sizes)


FAMILIES = ['bert', 'distilbert', 'xlm-roberta', 'mpnet', 'albert', 'electra', 'jina', 'nomic', 'gte',
            'modernbert', 't5', 'qwen2', 'qwen3', 'gemma3']


def whole(tensors):
    """All tensors by their full names, with a mean and a spread."""
    for name, shape in tensors:
        if isinstance(shape, int):
            yield name + '.weight', (shape,), 1.0, 0.1
            yield name + '.bias', (shape,), 0.0, 0.1
        elif name.endswith('.weight'):
            norm = len(shape) == 1
            yield name, shape, 1.0 if norm else 0.0, 0.1 if norm else 0.05
        else:
            yield name + '.weight', shape[:2], 0.0, shape[1]**-0.5
            if len(shape) == 3:
                yield name + '.bias', shape[:1], 0.0, 0.1


def make_model(folder, family, h, layers):
    config, tensors = describe(family, h, 12, layers)
    folder.mkdir(parents=True)
    (folder / 'config.json').write_text(json.dumps(config))
    random, header, blob = np.random.default_rng(1), {}, []
    at = 0
    for name, shape, mean, spread in whole(tensors):
        data = (mean + spread * random.standard_normal(shape)).astype('<f4').tobytes()
        header[name] = dict(dtype='F32', shape=shape, data_offsets=[at, at + len(data)])
        blob.append(data)
        at += len(data)
    head = json.dumps(header).encode()
    (folder / 'model.safetensors').write_bytes(
        struct.pack('<Q', len(head)) + head + b''.join(blob))


def make_ids(path, tokens, length):
    """Texts of `length` tokens; of 3 to 512, most of some dozen, as in a mixed corpus, where it is 0."""
    random = np.random.default_rng(2)
    with open(path, 'w') as f:
        while tokens > 0:
            n = length or int(np.clip(random.lognormal(4.0, 0.9), 3, LONGEST_OF_MIXED))
            tokens -= n
            f.write(json.dumps(dict(input_ids=random.integers(5, VOCAB, n).tolist())) + '\n')


def measure(program, folder, ids):
    """compute -> (share of the limit, FLOP/s of CPU time, tokens/s) of one round."""
    run = subprocess.run([program, folder, ids, '1'], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f'{folder.name}: {run.stderr}')
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return {d['compute']: (d['of_limit'],
                           d['of_limit'] * d['gemm_peak'] / d['threads'] / d['cpu_utilization'],
                           d['tokens_per_s']) for d in lines}


def table(title, results):
    computes = sorted({c for rounds in results.values() for r in rounds for c in r},
                      key=['f32', 'bf16', 'int8'].index)
    middle = {f: {c: [statistics.median(v) for v in zip(*(r[c] for r in rounds))] for c in computes}
              for f, rounds in results.items()}
    print(f'\n{title}: share of the GEMM limit, (work a CPU second, beside BERT), tokens/s')
    print(f'{"":12}' + ''.join(f'{c:>26}' for c in computes))
    for family, by in middle.items():
        cells = (f'{by[c][0]:.3f} ({by[c][1] / middle["bert"][c][1]:.2f}) {by[c][2]:>9,.0f}'
                 for c in computes)
        print(f'{family:12}' + ''.join(f'{c:>26}' for c in cells), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('limit', type=pathlib.Path, help='the built bench/limit')
    p.add_argument('--hidden', default='384,768')
    p.add_argument('--layers', type=int, default=3)
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--tokens', default='0', help='lengths of the texts; 0: as in a mixed corpus')
    p.add_argument('--families', default=','.join(FAMILIES))
    a = p.parse_args()
    families = a.families.split(',')
    if 'bert' not in families or set(families) - set(FAMILIES):
        p.error(f'--families takes bert and some of {", ".join(FAMILIES)}')
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for h in map(int, a.hidden.split(',')):
            for family in families:
                make_model(folder / str(h) / family, family, h, a.layers)
            for length in map(int, a.tokens.split(',')):
                make_ids(folder / 'ids.jsonl', 30_000_000 // h, length)
                results = {family: [] for family in families}
                for _ in range(a.rounds):
                    for family in families:
                        results[family].append(
                            measure(a.limit, folder / str(h) / family, folder / 'ids.jsonl'))
                table(f'hidden {h}, {length or "mixed"} tokens', results)


if __name__ == '__main__':
    main()
