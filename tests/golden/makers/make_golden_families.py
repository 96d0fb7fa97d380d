#!/usr/bin/env python3
"""Makes the golden cases of single architectures in tests/golden/data: a tiny model folder each, and
vectors in float64. Where transformers 4.40 has the family, its own code gives them; the others are
computed by `Reading`, plain numpy written from the published sources of each model, line by line
and apart from the C++ (see tests/golden/README.md).

  make_golden_families.py [CASE ...]      # needs numpy; torch and transformers for some cases
"""
import json
import math
import pathlib
import struct
import sys

import numpy as np

DATA = pathlib.Path(__file__).resolve().parents[1] / 'data'
H, HEADS, FFN, VOCAB = 24, 3, 20, 50
LENGTHS = [1, 2, 3, 5, 8, 13, 17, 18, 33, 47]
LONG = LENGTHS + [140]


def write_safetensors(path, tensors):
    header, blob = {'__metadata__': {'format': 'pt'}}, b''
    for name, t in tensors.items():
        data = t.astype('<f2').tobytes()
        header[name] = {'dtype': 'F16', 'shape': list(t.shape),
                        'data_offsets': [len(blob), len(blob) + len(data)]}
        blob += data
    head = json.dumps(header, separators=(',', ':')).encode()
    head += b' ' * (-len(head) % 8)
    path.write_bytes(struct.pack('<Q', len(head)) + head + blob)


class Weights:
    """Seeded tensors, rounded to f16 as they are stored, asked for by name."""

    def __init__(self, seed):
        self.random, self.tensors = np.random.RandomState(seed), {}

    def __call__(self, name, *shape, scale=None, mean=0.0):
        if name not in self.tensors:
            if scale is None:
                scale = 0.4 if len(shape) == 1 else 1.3 / math.sqrt(shape[-1])
            values = mean + scale * self.random.standard_normal(shape)
            self.tensors[name] = values.astype('<f2')
        return self.tensors[name].astype(np.float64)


# --- plain numpy, one text at a time --------------------------------------------------------------


def erf(x):
    return np.vectorize(math.erf)(x)


ACT = {
    'gelu': lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))),
    'gelu_tanh': lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    'silu': lambda x: x / (1 + np.exp(-x)),
}


def layer_norm(x, weight, bias, eps):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean)**2).mean(-1, keepdims=True) + eps) * weight + bias


def rms(x, weight, eps):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * weight


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def heads_of(x, count):
    return x.reshape(len(x), count, -1).transpose(1, 0, 2)


def rope(x, inv_freq):
    """transformers' apply_rotary_pos_emb with rotate_half, x [heads, n, d]."""
    angles = np.outer(np.arange(x.shape[1]), inv_freq)
    cos, sin = (np.concatenate([f(angles)] * 2, -1) for f in (np.cos, np.sin))
    half = x.shape[-1] // 2
    return x * cos + np.concatenate([-x[..., half:], x[..., :half]], -1) * sin


def frequencies(theta, d):
    return 1.0 / theta**(np.arange(0, d, 2) / d)


def attend(q, k, v, scale, bias=0.0):
    k, v = (np.repeat(t, len(q) // len(t), axis=0) for t in (k, v))
    out = softmax(q @ k.transpose(0, 2, 1) * scale + bias) @ v
    return out.transpose(1, 0, 2).reshape(q.shape[1], -1)


def distances(n):
    return np.abs(np.arange(n)[:, None] - np.arange(n)[None, :])


class Reading:
    """Families read from their published sources."""

    def __init__(self, w):
        self.w = w

    def linear(self, x, name, out, bias=True):
        y = x @ self.w(name + '.weight', out, x.shape[-1]).T
        return y + self.w(name + '.bias', out) if bias else y

    def ln(self, x, name, eps, bias=True):
        n = x.shape[-1]
        scale = self.w(name + '.weight', n, scale=0.2, mean=1.0)
        return layer_norm(x, scale, self.w(name + '.bias', n) if bias else 0.0, eps)

    def rms(self, x, name, eps, plus_one=False):
        n = x.shape[-1]
        scale = self.w(name + '.weight', n, scale=0.2, mean=0.0 if plus_one else 1.0)
        return rms(x, scale + 1 if plus_one else scale, eps)

    def modernbert(self, c, ids):
        x = self.w('model.embeddings.tok_embeddings.weight', VOCAB, H, scale=0.8)[ids]
        x = self.ln(x, 'model.embeddings.norm', c['norm_eps'], bias=False)
        n, d = len(ids), H // HEADS
        for i in range(c['num_hidden_layers']):
            p = f'model.layers.{i}.'
            local = i % c['global_attn_every_n_layers'] != 0
            y = x if i == 0 else self.ln(x, p + 'attn_norm', c['norm_eps'], bias=False)
            qkv = self.linear(y, p + 'attn.Wqkv', 3 * H, bias=False).reshape(n, 3, HEADS, d)
            q, k, v = qkv.transpose(1, 2, 0, 3)
            f = frequencies(c['local_rope_theta' if local else 'global_rope_theta'], d)
            mask = np.where(distances(n) <= c['local_attention'] // 2, 0.0, -np.inf) if local else 0
            a = attend(rope(q, f), rope(k, f), v, d**-0.5, mask)
            x = x + self.linear(a, p + 'attn.Wo', H, bias=False)
            y = self.ln(x, p + 'mlp_norm', c['norm_eps'], bias=False)
            a, b = np.split(self.linear(y, p + 'mlp.Wi', 2 * FFN, bias=False), 2, -1)
            x = x + self.linear(ACT['gelu'](a) * b, p + 'mlp.Wo', H, bias=False)
        return self.ln(x, 'model.final_norm', c['norm_eps'], bias=False)

    def nomic(self, c, ids):
        x = self.w('embeddings.word_embeddings.weight', VOCAB, H, scale=0.8)[ids]
        x = x + self.w('embeddings.token_type_embeddings.weight', 2, H)[0]
        eps, n, d = c['layer_norm_epsilon'], len(ids), H // HEADS
        x = self.ln(x, 'emb_ln', eps)
        f = frequencies(c['rotary_emb_base'], d)
        for i in range(c['n_layer']):
            p = f'encoder.layers.{i}.'
            bias = c.get('qkv_proj_bias', False)
            qkv = self.linear(x, p + 'attn.Wqkv', 3 * H, bias).reshape(n, 3, HEADS, d)
            q, k, v = qkv.transpose(1, 2, 0, 3)
            a = attend(rope(q, f), rope(k, f), v, d**-0.5)
            x = self.ln(self.linear(a, p + 'attn.out_proj', H, bias) + x, p + 'norm1', eps)
            if c.get('num_experts') and i % c['moe_every_n_layers'] == 1:
                y = self.experts(x, p + 'mlp.', c['num_experts'], c['moe_top_k'])
            elif c['activation_function'] == 'gelu':
                y = ACT['gelu'](self.linear(x, p + 'mlp.fc1', FFN))
                y = self.linear(y, p + 'mlp.fc2', H)
            else:
                y = self.linear(x, p + 'mlp.fc11', FFN, bias=False)
                y = y * ACT['silu'](self.linear(x, p + 'mlp.fc12', FFN, bias=False))
                y = self.linear(y, p + 'mlp.fc2', H, bias=False)
            x = self.ln(y + x, p + 'norm2', eps)
        return x

    def experts(self, x, p, count, chosen):
        """Every expert over every token; the weights of those that are not chosen are 0."""
        weights = softmax(self.linear(x, p + 'router.layer', count, bias=False))
        least = np.sort(weights, -1)[:, -chosen, None]
        weights = np.where(weights >= least, weights, 0.0)
        w1 = self.w(p + 'experts.mlp.w1', count * FFN, H).reshape(count, FFN, H)
        w2 = self.w(p + 'experts.mlp.w2', count * FFN, H).reshape(count, FFN, H)
        outputs = np.einsum('etf,efh->eth', ACT['gelu'](np.einsum('th,efh->etf', x, w1)), w2)
        return np.einsum('te,eth->th', weights, outputs) + self.w(p + 'experts.bias', H)

    def new(self, c, ids):
        x = self.w('new.embeddings.word_embeddings.weight', VOCAB, H, scale=0.8)[ids]
        x = x + self.w('new.embeddings.token_type_embeddings.weight', 2, H)[0]
        eps, n, d = c['layer_norm_eps'], len(ids), H // HEADS
        x = self.ln(x, 'new.embeddings.LayerNorm', eps)
        scaling = c['rope_scaling']['factor'] if c['rope_scaling'] else 1.0
        f = frequencies(c['rope_theta'] * scaling, d) / scaling**(2 / d)
        for i in range(c['num_hidden_layers']):
            p = f'new.encoder.layer.{i}.'
            q, k, v = np.split(self.linear(x, p + 'attention.qkv_proj', 3 * H), 3, -1)
            q, k, v = (heads_of(t, HEADS) for t in (q, k, v))
            a = attend(rope(q, f), rope(k, f), v, d**-0.5)
            x = self.ln(x + self.linear(a, p + 'attention.o_proj', H), p + 'attn_ln', eps)
            up, gate = np.split(self.linear(x, p + 'mlp.up_gate_proj', 2 * FFN, bias=False), 2, -1)
            y = self.linear(ACT['gelu'](gate) * up, p + 'mlp.down_proj', H)
            x = self.ln(x + y, p + 'mlp_ln', eps)
        return x

    def alibi(self, n):
        def slopes(count):
            start = 2.0**(-(2.0**-(math.log2(count) - 3)))
            return [start * start**i for i in range(count)]
        power = 2**math.floor(math.log2(HEADS))
        s = slopes(power) + slopes(2 * power)[0::2][:HEADS - power]
        return -np.array(s)[:, None, None] * distances(n)

    def jina(self, c, ids, code=False):
        x = self.w('embeddings.word_embeddings.weight', VOCAB, H, scale=0.8)[ids]
        x = x + self.w('embeddings.token_type_embeddings.weight', 2, H)[0]
        eps, d = c['layer_norm_eps'], H // HEADS
        x = self.ln(x, 'embeddings.LayerNorm', eps)
        for i in range(c['num_hidden_layers']):
            p = f'encoder.layer.{i}.'
            q, k, v = (self.linear(x, p + f'attention.self.{t}', H) for t in ('query', 'key', 'value'))
            if code:
                q = self.ln(q, p + 'attention.self.layer_norm_q', eps)
                k = self.ln(k, p + 'attention.self.layer_norm_k', eps)
            q, k, v = (heads_of(t, HEADS) for t in (q, k, v))
            a = attend(q, k, v, d**-0.5, self.alibi(len(ids)))
            a = self.linear(a, p + 'attention.output.dense', H)
            y = self.ln(a + x, p + 'attention.output.LayerNorm', eps)
            if code:
                y = self.ln(y + x, p + 'layer_norm_1', eps)
                up, gate = np.split(self.linear(y, p + 'mlp.up_gated_layer', 2 * FFN, bias=False), 2, -1)
                z = self.linear(up * ACT['gelu'](gate), p + 'mlp.down_layer', H)
                x = self.ln(z + y, p + 'layer_norm_2', eps)
            else:
                gate, up = np.split(self.linear(y, p + 'mlp.gated_layers', 2 * FFN, bias=False), 2, -1)
                z = self.linear(ACT['gelu'](gate) * up, p + 'mlp.wo', H)
                x = self.ln(z + y, p + 'mlp.layernorm', eps)
        return x

    def jina_code(self, c, ids):
        return self.jina(c, ids, code=True)

    def qwen3(self, c, ids):
        x = self.w('embed_tokens.weight', VOCAB, H, scale=0.8)[ids]
        eps, d, n = c['rms_norm_eps'], c['head_dim'], len(ids)
        heads, kv = c['num_attention_heads'], c['num_key_value_heads']
        f = frequencies(c['rope_theta'], d)
        mask = np.where(np.tril(np.ones((n, n))) > 0, 0.0, -np.inf)
        for i in range(c['num_hidden_layers']):
            p = f'layers.{i}.'
            y = self.rms(x, p + 'input_layernorm', eps)
            q = heads_of(self.linear(y, p + 'self_attn.q_proj', heads * d, bias=False), heads)
            k = heads_of(self.linear(y, p + 'self_attn.k_proj', kv * d, bias=False), kv)
            v = heads_of(self.linear(y, p + 'self_attn.v_proj', kv * d, bias=False), kv)
            q = rope(self.rms(q, p + 'self_attn.q_norm', eps), f)
            k = rope(self.rms(k, p + 'self_attn.k_norm', eps), f)
            a = attend(q, k, v, d**-0.5, mask)
            x = x + self.linear(a, p + 'self_attn.o_proj', H, bias=False)
            y = self.rms(x, p + 'post_attention_layernorm', eps)
            y = ACT['silu'](self.linear(y, p + 'mlp.gate_proj', FFN, bias=False)) * self.linear(
                y, p + 'mlp.up_proj', FFN, bias=False)
            x = x + self.linear(y, p + 'mlp.down_proj', H, bias=False)
        return self.rms(x, 'norm', eps)

    def gemma3_text(self, c, ids):
        x = self.w('embed_tokens.weight', VOCAB, H, scale=0.3)[ids] * math.sqrt(H)
        eps, d, n = c['rms_norm_eps'], c['head_dim'], len(ids)
        heads, kv = c['num_attention_heads'], c['num_key_value_heads']
        for i in range(c['num_hidden_layers']):
            p = f'layers.{i}.'
            local = (i + 1) % c['_sliding_window_pattern'] != 0
            f = frequencies(c['rope_local_base_freq' if local else 'rope_theta'], d)
            mask = np.where(distances(n) <= c['sliding_window'] // 2, 0.0, -np.inf) if local else 0
            y = self.rms(x, p + 'input_layernorm', eps, True)
            q = heads_of(self.linear(y, p + 'self_attn.q_proj', heads * d, bias=False), heads)
            k = heads_of(self.linear(y, p + 'self_attn.k_proj', kv * d, bias=False), kv)
            v = heads_of(self.linear(y, p + 'self_attn.v_proj', kv * d, bias=False), kv)
            q = rope(self.rms(q, p + 'self_attn.q_norm', eps, True), f)
            k = rope(self.rms(k, p + 'self_attn.k_norm', eps, True), f)
            a = attend(q, k, v, c['query_pre_attn_scalar']**-0.5, mask)
            a = self.linear(a, p + 'self_attn.o_proj', H, bias=False)
            x = x + self.rms(a, p + 'post_attention_layernorm', eps, True)
            y = self.rms(x, p + 'pre_feedforward_layernorm', eps, True)
            y = ACT['gelu_tanh'](self.linear(y, p + 'mlp.gate_proj', FFN, bias=False)) * self.linear(
                y, p + 'mlp.up_proj', FFN, bias=False)
            y = self.linear(y, p + 'mlp.down_proj', H, bias=False)
            x = x + self.rms(y, p + 'post_feedforward_layernorm', eps, True)
        return self.rms(x, 'norm', eps, True)


# --- transformers' own code -----------------------------------------------------------------------


class Original:
    """The encoder of transformers, with the same seeded weights, in float64."""

    def __init__(self, cls, config, w):
        import torch
        import transformers
        self.torch = torch
        full = torch.full  # which, without a type, cannot hold the least float64 of a causal mask
        torch.full = lambda size, value, **k: full(size, value, **{'dtype': torch.float64, **k})
        model_class = getattr(transformers, cls)
        self.model = model_class(model_class.config_class(**config)).double().eval()
        state = self.model.state_dict()
        keep = {k: v for k, v in state.items() if v.is_floating_point() and 'pooler' not in k}
        if cls == 'T5EncoderModel':
            keep.pop('encoder.embed_tokens.weight')
        for name, t in keep.items():
            norm = 'norm' in name.lower() and name.endswith('weight')
            w(name, *t.shape, mean=1.0 if norm else 0.0, scale=0.2 if norm else None)
        loaded = {k: torch.from_numpy(w.tensors[k].astype(np.float64)) for k in keep}
        self.model.load_state_dict(loaded, strict=False)

    def __call__(self, _, ids):
        ids = self.torch.tensor([ids])
        with self.torch.no_grad():
            out = self.model(input_ids=ids, attention_mask=self.torch.ones_like(ids))
        return out.last_hidden_state[0].numpy()


BERT = dict(vocab_size=VOCAB, hidden_size=H, num_hidden_layers=2, num_attention_heads=HEADS,
            intermediate_size=FFN, hidden_act='gelu', type_vocab_size=2, layer_norm_eps=1e-12)
QWEN = dict(vocab_size=VOCAB, hidden_size=H, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, intermediate_size=FFN, hidden_act='silu', rms_norm_eps=1e-6,
            rope_theta=10000.0, max_position_embeddings=64)
T5 = dict(vocab_size=VOCAB, d_model=H, d_kv=6, d_ff=FFN, num_layers=2, num_heads=HEADS,
          relative_attention_num_buckets=32, relative_attention_max_distance=128,
          layer_norm_epsilon=1e-6)
# case -> (model_type, configuration, transformers' class or method of Reading, lengths)
CASES = {
    'mpnet': ('mpnet', {**BERT, 'max_position_embeddings': 150, 'layer_norm_eps': 1e-5,
                        'relative_attention_num_buckets': 32}, 'MPNetModel', LONG),
    'albert': ('albert', {**BERT, 'num_hidden_layers': 4, 'num_hidden_groups': 2,
                          'inner_group_num': 1, 'embedding_size': 14, 'hidden_act': 'gelu_new',
                          'max_position_embeddings': 64}, 'AlbertModel', LENGTHS),
    'electra': ('electra', {**BERT, 'embedding_size': 14, 'max_position_embeddings': 64},
                'ElectraModel', LENGTHS),
    't5': ('t5', {**T5, 'feed_forward_proj': 'relu'}, 'T5EncoderModel', LONG),
    't5_gated': ('t5', {**T5, 'feed_forward_proj': 'gated-gelu'}, 'T5EncoderModel', LENGTHS),
    'qwen2': ('qwen2', {**QWEN, 'use_sliding_window': False}, 'Qwen2Model', LENGTHS),
    'qwen3': ('qwen3', {**QWEN, 'head_dim': 8}, 'qwen3', LENGTHS),
    'modernbert': ('modernbert', dict(
        vocab_size=VOCAB, hidden_size=H, num_hidden_layers=4, num_attention_heads=HEADS,
        intermediate_size=FFN, max_position_embeddings=64, hidden_activation='gelu', norm_eps=1e-5,
        norm_bias=False, global_attn_every_n_layers=3, local_attention=12,
        global_rope_theta=160000.0, local_rope_theta=10000.0), 'modernbert', LENGTHS),
    'nomic': ('nomic_bert', dict(
        vocab_size=VOCAB, n_embd=H, n_layer=2, n_head=HEADS, n_inner=FFN, n_positions=64,
        rotary_emb_base=1000, rotary_emb_fraction=1.0, rotary_emb_interleaved=False,
        rotary_scaling_factor=None, activation_function='swiglu', layer_norm_epsilon=1e-12,
        type_vocab_size=2, prenorm=False, use_rms_norm=False), 'nomic', LENGTHS),
    'nomic_experts': ('nomic_bert', dict(
        vocab_size=VOCAB, n_embd=H, n_layer=3, n_head=HEADS, n_inner=FFN, n_positions=64,
        max_trained_positions=64, rotary_emb_base=10000.0, rotary_emb_fraction=1.0,
        rotary_emb_interleaved=False, rotary_emb_scale_base=None, rotary_scaling_factor=None,
        activation_function='gelu', layer_norm_epsilon=1e-5, type_vocab_size=2, prenorm=False,
        use_rms_norm=False, qkv_proj_bias=True, mlp_fc1_bias=True, mlp_fc2_bias=True,
        num_experts=5, moe_top_k=2, moe_every_n_layers=2, moe_impl='megablocks',
        moe_normalize_expert_weights=False, expert_choice_router=False, num_shared_experts=0,
        ffn_div=1, moe_resid_pdrop=0.0, router_aux_loss_coef=0.1), 'nomic', LENGTHS),
    'gte_new': ('new', {**BERT, 'position_embedding_type': 'rope', 'max_position_embeddings': 64,
                        'rope_theta': 500000, 'rope_scaling': None}, 'new', LENGTHS),
    'gte_new_ntk': ('new', {**BERT, 'position_embedding_type': 'rope', 'max_position_embeddings': 64,
                            'rope_theta': 500000,
                            'rope_scaling': {'type': 'ntk', 'factor': 2.0}}, 'new', LENGTHS),
    'jina': ('bert', {**BERT, 'position_embedding_type': 'alibi', 'max_position_embeddings': 64,
                      'feed_forward_type': 'geglu',
                      '_name_or_path': 'jinaai/jina-bert-implementation'}, 'jina', LENGTHS),
    'jina_code': ('bert', {**BERT, 'position_embedding_type': 'alibi', 'max_position_embeddings': 64,
                           'feed_forward_type': 'geglu',
                           '_name_or_path': 'jinaai/jina-bert-v2-qk-post-norm'}, 'jina_code', LENGTHS),
    'gemma3_text': ('gemma3_text', dict(
        vocab_size=VOCAB, hidden_size=H, num_hidden_layers=3, num_attention_heads=3,
        num_key_value_heads=1, head_dim=10, intermediate_size=FFN, max_position_embeddings=64,
        hidden_activation='gelu_pytorch_tanh', rms_norm_eps=1e-6, query_pre_attn_scalar=14,
        sliding_window=12, _sliding_window_pattern=3,
        layer_types=['sliding_attention', 'sliding_attention', 'full_attention'], rope_theta=1000000.0,
        rope_local_base_freq=10000.0, use_bidirectional_attention=True), 'gemma3_text', LENGTHS),
}


def make(name):
    model_type, config, source, lengths = CASES[name]
    w = Weights(sum(map(ord, name)))
    own = source[0].isupper()
    encode = Original(source, config, w) if own else getattr(Reading(w), source)
    random = np.random.RandomState(7)
    items = []
    for n in lengths:
        ids = [int(i) for i in random.randint(4, VOCAB, n)]
        states = encode(config, ids)
        item = dict(input_ids=ids, pooled=[round(x, 13) for x in states.mean(0).tolist()])
        if n == 18:
            item['token_embeddings'] = [[round(x, 13) for x in row] for row in states.tolist()]
        items.append(item)
    folder = DATA / name
    (folder / 'model').mkdir(parents=True, exist_ok=True)
    write_safetensors(folder / 'model/model.safetensors', w.tensors)
    text = json.dumps({'model_type': model_type, **config}, indent=1)
    (folder / 'model/config.json').write_text(text + '\n')
    what = f'transformers {source}, float64' if own else 'numpy reading of its source, float64'
    (folder / 'golden.json').write_text(
        json.dumps({'source': what, 'spec': [], 'items': items}, separators=(',', ':')) + '\n')
    print(name, what)


if __name__ == '__main__':
    for case in sys.argv[1:] or CASES:
        make(case)
