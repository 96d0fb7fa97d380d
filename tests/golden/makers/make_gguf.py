#!/usr/bin/env python3
"""Writes a golden model folder as a GGUF file, as llama.cpp's converter lays models out: its tensor
names, its keys, RoBERTa's position table without its first rows, Gemma's norms with 1 added. A
writer of its own, from the public description of the format. Needs numpy.

  make_gguf.py FOLDER OUT.gguf --type f32|f16|bf16|q8_0|q4_0|q5_0 [--rounded FOLDER2]

--rounded writes the same model back as safetensors in f32, each weight as the GGUF file holds it.
"""
import argparse
import json
import pathlib
import re
import shutil
import struct

import numpy as np

F32, F16, Q4_0, Q5_0, Q8_0, BF16 = 0, 1, 2, 6, 8, 30
U32, I32, FLOAT, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9


def read_safetensors(folder):
    tensors = {}
    for path in sorted(folder.glob('*.safetensors')):
        data = path.read_bytes()
        size = struct.unpack('<Q', data[:8])[0]
        for name, info in json.loads(data[8:8 + size]).items():
            if name == '__metadata__':
                continue
            begin, end = (8 + size + o for o in info['data_offsets'])
            raw = data[begin:end]
            if info['dtype'] == 'BF16':
                bits = np.frombuffer(raw, '<u2').astype('<u4') << 16
                values = bits.view('<f4')
            else:
                values = np.frombuffer(raw, {'F32': '<f4', 'F16': '<f2', 'I64': '<i8'}[info['dtype']])
            tensors[name] = values.astype(np.float32).reshape(info['shape'])
    return tensors


def write_safetensors(path, tensors):
    header, blob = {}, b''
    for name, t in tensors.items():
        data = t.astype('<f4').tobytes()
        header[name] = {'dtype': 'F32', 'shape': list(t.shape),
                        'data_offsets': [len(blob), len(blob) + len(data)]}
        blob += data
    head = json.dumps(header).encode()
    path.write_bytes(struct.pack('<Q', len(head)) + head + blob)


def encode(values, kind):
    """Bytes of an array as stored, and what they stand for."""
    if kind == F16:
        stored = values.astype('<f2')
        return stored.tobytes(), stored.astype(np.float32)
    if kind == BF16:
        bits = values.astype('<f4').view('<u4')
        high = ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16).astype('<u2')
        return high.tobytes(), (high.astype('<u4') << 16).view('<f4').reshape(values.shape)
    if kind == Q8_0:
        blocks = values.reshape(-1, 32)
        scale = np.abs(blocks).max(1, keepdims=True) / 127
        inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
        quants = np.round(blocks * inverse).astype(np.int8)
        scale = scale.astype('<f2')
        stored = b''.join(s.tobytes() + q.tobytes() for s, q in zip(scale, quants))
        return stored, (quants.astype(np.float32) * scale.astype(np.float32)).reshape(values.shape)
    if kind in (Q4_0, Q5_0):
        return encode_few_bits(values, 4 if kind == Q4_0 else 5)
    return values.astype('<f4').tobytes(), values


def encode_few_bits(values, bits):
    """Q4_0 and Q5_0: an f16 scale, the fifth bits, and four bits each, halves of a block interleaved."""
    middle = 1 << (bits - 1)
    blocks = values.reshape(-1, 32)
    extreme = np.take_along_axis(blocks, np.abs(blocks).argmax(1)[:, None], 1)
    scale = (extreme / -middle).astype('<f2')
    inverse = np.divide(1, scale.astype('<f4'), out=np.zeros(scale.shape, '<f4'), where=scale != 0)
    quants = np.clip(np.round(blocks * inverse) + middle, 0, 2 * middle - 1).astype(np.uint8)
    low = quants & 15
    packed = low[:, :16] | low[:, 16:] << 4
    parts = [scale.view(np.uint8)]
    if bits == 5:
        parts.append(np.packbits(quants >> 4, axis=1, bitorder='little'))
    stored = np.concatenate(parts + [packed], axis=1)
    read = (quants.astype(np.float32) - middle) * scale.astype(np.float32)
    return stored.tobytes(), read.reshape(values.shape)


# Original names (without the model's prefix) → llama.cpp's, by architecture; {} is the layer.
BERT = {
    'embeddings.word_embeddings': 'token_embd', 'embeddings.position_embeddings': 'position_embd',
    'embeddings.token_type_embeddings': 'token_types', 'embeddings.LayerNorm': 'token_embd_norm',
    'encoder.layer.{}.attention.self.query': 'blk.{}.attn_q',
    'encoder.layer.{}.attention.self.key': 'blk.{}.attn_k',
    'encoder.layer.{}.attention.self.value': 'blk.{}.attn_v',
    'encoder.layer.{}.attention.self.layer_norm_q': 'blk.{}.attn_q_norm',
    'encoder.layer.{}.attention.self.layer_norm_k': 'blk.{}.attn_k_norm',
    'encoder.layer.{}.attention.output.dense': 'blk.{}.attn_output',
    'encoder.layer.{}.attention.output.LayerNorm': 'blk.{}.attn_output_norm',
    'encoder.layer.{}.intermediate.dense': 'blk.{}.ffn_up',
    'encoder.layer.{}.output.dense': 'blk.{}.ffn_down',
    'encoder.layer.{}.output.LayerNorm': 'blk.{}.layer_output_norm',
    'encoder.layer.{}.mlp.wo': 'blk.{}.ffn_down', 'encoder.layer.{}.mlp.down_layer': 'blk.{}.ffn_down',
    'encoder.layer.{}.mlp.layernorm': 'blk.{}.layer_output_norm',
    'encoder.layer.{}.layer_norm_1': 'blk.{}.attn_norm_2',
    'encoder.layer.{}.layer_norm_2': 'blk.{}.layer_output_norm',
}
NOMIC = {
    'embeddings.word_embeddings': 'token_embd', 'embeddings.token_type_embeddings': 'token_types',
    'emb_ln': 'token_embd_norm', 'encoder.layers.{}.attn.Wqkv': 'blk.{}.attn_qkv',
    'encoder.layers.{}.attn.out_proj': 'blk.{}.attn_output',
    'encoder.layers.{}.norm1': 'blk.{}.attn_output_norm', 'encoder.layers.{}.mlp.fc11': 'blk.{}.ffn_up',
    'encoder.layers.{}.mlp.fc12': 'blk.{}.ffn_gate', 'encoder.layers.{}.mlp.fc2': 'blk.{}.ffn_down',
    'encoder.layers.{}.norm2': 'blk.{}.layer_output_norm', 'encoder.layers.{}.mlp.fc1': 'blk.{}.ffn_up',
    'encoder.layers.{}.mlp.router.layer': 'blk.{}.ffn_gate_inp',
}
MODERN = {
    'embeddings.tok_embeddings': 'token_embd', 'embeddings.norm': 'token_embd_norm',
    'layers.{}.attn.Wqkv': 'blk.{}.attn_qkv', 'layers.{}.attn.Wo': 'blk.{}.attn_output',
    'layers.{}.attn_norm': 'blk.{}.attn_norm', 'layers.{}.mlp.Wi': 'blk.{}.ffn_up',
    'layers.{}.mlp.Wo': 'blk.{}.ffn_down', 'layers.{}.mlp_norm': 'blk.{}.ffn_norm',
    'final_norm': 'output_norm',
}
DECODER = {
    'embed_tokens': 'token_embd', 'norm': 'output_norm',
    'layers.{}.self_attn.q_proj': 'blk.{}.attn_q', 'layers.{}.self_attn.k_proj': 'blk.{}.attn_k',
    'layers.{}.self_attn.v_proj': 'blk.{}.attn_v', 'layers.{}.self_attn.o_proj': 'blk.{}.attn_output',
    'layers.{}.self_attn.q_norm': 'blk.{}.attn_q_norm', 'layers.{}.self_attn.k_norm': 'blk.{}.attn_k_norm',
    'layers.{}.input_layernorm': 'blk.{}.attn_norm', 'layers.{}.post_attention_layernorm': 'blk.{}.ffn_norm',
    'layers.{}.mlp.gate_proj': 'blk.{}.ffn_gate', 'layers.{}.mlp.up_proj': 'blk.{}.ffn_up',
    'layers.{}.mlp.down_proj': 'blk.{}.ffn_down',
}
GEMMA = {
    **DECODER, 'layers.{}.post_attention_layernorm': 'blk.{}.post_attention_norm',
    'layers.{}.pre_feedforward_layernorm': 'blk.{}.ffn_norm',
    'layers.{}.post_feedforward_layernorm': 'blk.{}.post_ffw_norm',
}
T5 = {
    'shared': 'token_embd', 'encoder.final_layer_norm': 'enc.output_norm',
    'encoder.block.{}.layer.0.SelfAttention.q': 'enc.blk.{}.attn_q',
    'encoder.block.{}.layer.0.SelfAttention.k': 'enc.blk.{}.attn_k',
    'encoder.block.{}.layer.0.SelfAttention.v': 'enc.blk.{}.attn_v',
    'encoder.block.{}.layer.0.SelfAttention.o': 'enc.blk.{}.attn_o',
    'encoder.block.{}.layer.0.SelfAttention.relative_attention_bias': 'enc.blk.{}.attn_rel_b',
    'encoder.block.{}.layer.0.layer_norm': 'enc.blk.{}.attn_norm',
    'encoder.block.{}.layer.1.DenseReluDense.wi': 'enc.blk.{}.ffn_up',
    'encoder.block.{}.layer.1.DenseReluDense.wi_0': 'enc.blk.{}.ffn_gate',
    'encoder.block.{}.layer.1.DenseReluDense.wi_1': 'enc.blk.{}.ffn_up',
    'encoder.block.{}.layer.1.DenseReluDense.wo': 'enc.blk.{}.ffn_down',
    'encoder.block.{}.layer.1.layer_norm': 'enc.blk.{}.ffn_norm',
}
ARCHITECTURES = {'bert': ('bert', BERT), 'xlm-roberta': ('bert', BERT), 'roberta': ('bert', BERT),
                 'nomic_bert': ('nomic-bert', NOMIC), 'modernbert': ('modern-bert', MODERN),
                 'qwen2': ('qwen2', DECODER), 'qwen3': ('qwen3', DECODER),
                 'gemma3_text': ('gemma-embedding', GEMMA), 't5': ('t5encoder', T5)}


def first(config, *names, default=None):
    return next((config[n] for n in names if config.get(n) is not None), default)


def rename(name, table):
    stem, _, part = name.rpartition('.')
    stem = re.sub(r'^(bert|roberta|model|new)\.', '', stem)
    part = {'gamma': 'weight', 'beta': 'bias'}.get(part, part)
    layer = re.search(r'\.(\d+)\.', stem)
    pattern = re.sub(r'\.\d+\.', '.{}.', stem, count=1)
    if pattern not in table:
        return None
    return table[pattern].replace('{}', layer.group(1) if layer else '') + '.' + part


def convert(config, tensors):
    """[(name here, name there, values)]; some tensors are cut in two on the way."""
    arch, table = ARCHITECTURES[config['model_type']]
    if config.get('num_experts'):
        arch = 'nomic-bert-moe'
    alibi = config.get('position_embedding_type') == 'alibi'
    if alibi:
        arch = 'jina-bert-v2'
    out = []
    for name, values in tensors.items():
        gated = re.match(r'encoder\.layer\.(\d+)\.mlp\.(up_gated_layer|gated_layers)\.weight', name)
        if gated:
            halves = ('ffn_up', 'ffn_gate') if gated[2] == 'up_gated_layer' else ('ffn_gate', 'ffn_up')
            for half, part in zip(halves, np.split(values, 2)):
                out.append((name, f'blk.{gated[1]}.{half}.weight', part))
            continue
        experts = re.match(r'encoder\.layers\.(\d+)\.mlp\.experts\.mlp\.w([12])', name)
        if experts:
            values = values.reshape(config['num_experts'], config['n_inner'], config['n_embd'])
            part = 'ffn_up_exps' if experts[2] == '1' else 'ffn_down_exps'
            values = values if experts[2] == '1' else values.transpose(0, 2, 1)
            out.append((name, f'blk.{experts[1]}.{part}.weight', values))
            continue
        target = rename(name, table)
        if target is None:  # the experts' bias among them, which the converter leaves out
            continue
        if target.startswith('position_embd') and config['model_type'] in ('roberta', 'xlm-roberta'):
            values = values[config['pad_token_id'] + 1:]
        if arch == 'gemma-embedding' and name.endswith('norm.weight'):
            values = values + 1
        out.append((name, target, values))
    return arch, out


def text(value):
    data = value.encode()
    return struct.pack('<Q', len(data)) + data


def pack(value):
    if isinstance(value, bool):
        return struct.pack('<IB', BOOL, value)
    if isinstance(value, int):
        return struct.pack('<II', U32, value)
    if isinstance(value, float):
        return struct.pack('<If', FLOAT, value)
    if isinstance(value, str):
        return struct.pack('<I', STRING) + text(value)
    head = struct.pack('<I', ARRAY)
    if isinstance(value[0], str):
        return head + struct.pack('<IQ', STRING, len(value)) + b''.join(map(text, value))
    kind, form = (FLOAT, 'f') if isinstance(value[0], float) else (I32, 'i')
    return head + struct.pack(f'<IQ{len(value)}{form}', kind, len(value), *value)


def metadata(arch, config, folder):
    keys = {'general.architecture': arch, 'general.name': folder.parent.name}
    sizes = {
        'context_length': first(config, 'max_position_embeddings', 'n_positions', default=512),
        'embedding_length': first(config, 'hidden_size', 'n_embd', 'd_model'),
        'block_count': first(config, 'num_hidden_layers', 'n_layer', 'num_layers'),
        'feed_forward_length': first(config, 'intermediate_size', 'n_inner', 'd_ff'),
        'attention.head_count': first(config, 'num_attention_heads', 'n_head', 'num_heads'),
        'expert_count': config.get('num_experts'),
        'expert_used_count': config.get('moe_top_k'),
        'moe_every_n_layers': config.get('moe_every_n_layers'),
        'attention.head_count_kv': config.get('num_key_value_heads'),
        'attention.key_length': first(config, 'head_dim', 'd_kv'),
        'attention.sliding_window': first(config, 'sliding_window', 'local_attention'),
        'attention.sliding_window_pattern': first(config, '_sliding_window_pattern',
                                                  'global_attn_every_n_layers'),
    }
    epsilon = first(config, 'rms_norm_eps')
    numbers = {
        'attention.layer_norm_rms_epsilon': epsilon,
        'attention.layer_norm_epsilon':
            first(config, 'layer_norm_eps', 'layer_norm_epsilon', 'norm_eps', default=epsilon),
        'rope.freq_base': first(config, 'rope_theta', 'rotary_emb_base', 'global_rope_theta'),
        'rope.freq_base_swa': first(config, 'rope_local_base_freq', 'local_rope_theta'),
    }
    keys.update({f'{arch}.{k}': int(v) for k, v in sizes.items() if v is not None})
    keys.update({f'{arch}.{k}': float(v) for k, v in numbers.items() if v is not None})
    scalar, head = config.get('query_pre_attn_scalar'), config.get('head_dim')
    if scalar != head and scalar:
        keys[f'{arch}.attention.scale'] = float(scalar ** -0.5)
    keys[f'{arch}.pooling_type'] = 1
    keys.update(tokenizer(folder))
    return keys


def fields(message):
    """Numbers and values of a protocol buffer's fields."""
    def varint(at):
        value = shift = 0
        while True:
            byte = message[at]
            value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
            if byte < 128:
                return value, at
    at = 0
    while at < len(message):
        tag, at = varint(at)
        if tag & 7 == 0:
            value, at = varint(at)
        else:
            size, at = varint(at) if tag & 7 == 2 else ({1: 8, 5: 4}[tag & 7], at)
            value, at = message[at:at + size], at + size
        yield tag >> 3, value


def scored_pairs(model):
    """A sentencepiece model that joins pairs, as the converter writes it."""
    parts = list(fields(model))
    pieces = [dict(fields(value)) for number, value in parts if number == 1]
    normalizer = next(dict(fields(value)) for number, value in parts if number == 3)
    types = [piece.get(3, 1) for piece in pieces]
    return {'tokenizer.ggml.model': 'llama', 'tokenizer.ggml.pre': 'default',
            'tokenizer.ggml.tokens': [piece[1].decode() for piece in pieces],
            'tokenizer.ggml.scores': [struct.unpack('<f', piece[2])[0] for piece in pieces],
            'tokenizer.ggml.token_type': types,
            'tokenizer.ggml.unknown_token_id': types.index(2),
            'tokenizer.ggml.bos_token_id': 1, 'tokenizer.ggml.eos_token_id': 2,
            'tokenizer.ggml.add_bos_token': True, 'tokenizer.ggml.add_eos_token': True,
            'tokenizer.ggml.add_space_prefix': bool(normalizer.get(3, 1))}


def tokenizer(folder):
    if (folder / 'tokenizer.model').exists():
        return scored_pairs((folder / 'tokenizer.model').read_bytes())
    vocab = folder / 'vocab.txt'
    if not vocab.exists():
        return {}
    tokens = vocab.read_text().splitlines()
    phantom = [t if t.startswith('[') and t.endswith(']') else t[2:] if t.startswith('##')
               else '\u2581' + t for t in tokens]
    special = {'cls': '[CLS]', 'seperator': '[SEP]', 'unknown': '[UNK]', 'padding': '[PAD]',
               'mask': '[MASK]'}
    keys = {'tokenizer.ggml.model': 'bert', 'tokenizer.ggml.pre': 'jina-v2-en',
            'tokenizer.ggml.tokens': phantom,
            'tokenizer.ggml.token_type': [3 if t in special.values() else 1 for t in tokens]}
    for key, token in special.items():
        if token in tokens:
            keys[f'tokenizer.ggml.{key}_token_id'] = tokens.index(token)
    return keys


def write_gguf(path, keys, tensors):
    head = b'GGUF' + struct.pack('<IQQ', 3, len(tensors), len(keys))
    for key, value in keys.items():
        head += text(key) + pack(value)
    blob = b''
    for name, shape, kind, data in tensors:
        head += text(name) + struct.pack('<I', len(shape))
        head += struct.pack(f'<{len(shape)}QIQ', *reversed(shape), kind, len(blob))
        blob += data + b'\0' * (-len(data) % 32)
    path.write_bytes(head + b'\0' * (-len(head) % 32) + blob)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('folder', type=pathlib.Path)
    parser.add_argument('out', type=pathlib.Path)
    parser.add_argument('--type', choices=['f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'q5_0'], default='f32')
    parser.add_argument('--rounded', type=pathlib.Path)
    args = parser.parse_args()
    config = json.loads((args.folder / 'config.json').read_text())
    originals = read_safetensors(args.folder)
    arch, tensors = convert(config, originals)
    wanted = {'f32': F32, 'f16': F16, 'bf16': BF16, 'q8_0': Q8_0,
              'q4_0': Q4_0, 'q5_0': Q5_0}[args.type]
    stored, rounded = [], dict(originals)
    for here, there, values in tensors:
        # As the converter does: one-dimensional tensors and small tables stay f32.
        small = values.ndim == 1 or there.startswith(('position_embd', 'token_types'))
        kind = F32 if small or (wanted in (Q4_0, Q5_0, Q8_0) and values.shape[-1] % 32) else wanted
        data, means = encode(values, kind)
        stored.append((there, values.shape, kind, data))
        if there.endswith('ffn_down_exps.weight'):
            means = means.transpose(0, 2, 1)
        rounded[here] = means.reshape(originals[here].shape) if '_exps' in there else means
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_gguf(args.out, metadata(arch, config, args.folder), stored)
    if args.rounded:
        shutil.copytree(args.folder, args.rounded, dirs_exist_ok=True)
        rounded = {name: values for name, values in rounded.items() if not name.endswith('experts.bias')}
        write_safetensors(args.rounded / 'model.safetensors', rounded)


if __name__ == '__main__':
    main()
