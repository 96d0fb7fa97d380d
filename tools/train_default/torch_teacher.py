"""A teacher run by PyTorch, for a GPU: BERT and MPNet as sentence-transformers saves them.

`embedtool encode` runs the same folders on CPUs (teacher.py). Texts of one length make a batch, so
nothing is padded and no mask is needed.
"""
import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import package
import tokens

BATCH_TOKENS, LONGEST = 65536, 256
NAMES = {  # ours: (BERT's, MPNet's)
    "query": ("attention.self.query", "attention.attn.q"), "key": ("attention.self.key", "attention.attn.k"),
    "value": ("attention.self.value", "attention.attn.v"), "output": ("attention.output.dense", "attention.attn.o"),
    "norm1": ("attention.output.LayerNorm", "attention.LayerNorm"), "up": ("intermediate.dense",) * 2,
    "down": ("output.dense",) * 2, "norm2": ("output.LayerNorm",) * 2,
}


def relative_buckets(length, buckets=32, longest=128):
    """MPNet's bucket numbers [length, length] of distances."""
    place = torch.arange(length)
    distance = place[None, :] - place[:, None]
    half = buckets // 2
    size, exact = distance.abs(), half // 2
    far = exact + (torch.log(size.clamp(min=1).float() / exact) / math.log(longest / exact)
                   * (half - exact)).long()
    return (distance > 0).long() * half + torch.where(size < exact, size, far.clamp(max=half - 1))


class TorchTeacher:
    """Vectors of texts, float16 [N, D], L2-normalised."""

    def __init__(self, folder, device, longest=LONGEST):
        self.folder, self.device = Path(folder), device
        self.dtype = torch.float16 if device == "cuda" else torch.float32
        self.config = json.loads((self.folder / "config.json").read_text())
        self.mpnet = self.config["model_type"] == "mpnet"
        self.longest = longest
        tensors = package.load_safetensors(self.folder / "model.safetensors")
        self.weights = {name: torch.from_numpy(value.astype(np.float32)).to(device, self.dtype)
                        for name, value in tensors.items() if value.dtype != np.int64}
        self.first, self.last = (0, 2) if self.mpnet else (101, 102)

    def norm(self, x, name):
        w = self.weights
        return F.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"],
                            self.config["layer_norm_eps"])

    def states(self, ids):
        """States [N, L, H] of ids [N, L] with their special tokens."""
        w, length = self.weights, ids.shape[1]
        start = self.config["pad_token_id"] + 1 if self.mpnet else 0
        x = w["embeddings.word_embeddings.weight"][ids] \
            + w["embeddings.position_embeddings.weight"][start:start + length]
        bias = None
        if self.mpnet:
            bias = w["encoder.relative_attention_bias.weight"][relative_buckets(length).to(ids.device)]
            bias = bias.permute(2, 0, 1)[None].expand(len(ids), -1, -1, -1)
        else:
            x = x + w["embeddings.token_type_embeddings.weight"][0]
        x = self.norm(x, "embeddings.LayerNorm")
        for layer in range(self.config["num_hidden_layers"]):
            x = self.block(x, f"encoder.layer.{layer}.", bias)
        return x

    def block(self, x, prefix, bias):
        names = {ours: prefix + both[self.mpnet] for ours, both in NAMES.items()}
        w, heads = self.weights, self.config["num_attention_heads"]

        def linear(y, name):
            return F.linear(y, w[names[name] + ".weight"], w[names[name] + ".bias"])

        def split(y):
            return y.view(*y.shape[:2], heads, -1).transpose(1, 2)
        query, key, value = (split(linear(x, name)) for name in ("query", "key", "value"))
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        x = self.norm(x + linear(mixed.transpose(1, 2).reshape(x.shape), "output"), names["norm1"])
        return self.norm(x + linear(F.gelu(linear(x, "up")), "down"), names["norm2"])

    @torch.no_grad()
    def encode(self, ids):
        """Vectors of `tokens.Texts` without special tokens."""
        lengths = np.minimum(ids.lengths(), self.longest - 2)
        out = torch.empty(len(ids), self.config["hidden_size"], dtype=torch.float16)
        order = np.argsort(lengths, kind="stable")
        starts = np.searchsorted(lengths[order], np.arange(self.longest))
        for length in range(self.longest - 1):
            group = order[starts[length]:starts[length + 1]]
            size = max(1, BATCH_TOKENS // (length + 2))
            for at in range(0, len(group), size):
                rows = group[at:at + size]
                places = ids.offsets[rows][:, None] + np.arange(length)[None, :]
                batch = np.empty((len(rows), length + 2), dtype=np.int64)
                batch[:, 0], batch[:, -1] = self.first, self.last
                batch[:, 1:-1] = ids.flat[places]
                pooled = self.states(torch.from_numpy(batch).to(self.device)).float().mean(1)
                out[torch.from_numpy(rows)] = F.normalize(pooled, dim=1).half().cpu()
        return out.numpy()


def vectors(folders, texts, state, device, threads, log):
    """One float16 array [N, D] a teacher; token ids and vectors are kept in `state`."""
    out, first, ids = [], None, None
    for folder in map(Path, folders):
        file = folder / "tokenizer.json"
        mapping = None if first is None else tokens.translation(first, file)
        if mapping is None:
            ids = tokens.cached(state / f"teacher-{folder.name}-{len(texts)}.npz", file, texts, LONGEST - 2,
                                threads)
            first, mine = file, ids
        else:
            mine = tokens.Texts(mapping[ids.flat], ids.offsets)
        made = state / f"vectors-{folder.name}-{len(texts)}.npy"
        if not made.exists():
            log(f"{folder.name}: {len(mine.flat)} tokens of {len(texts)} texts")
            with open(made.with_suffix(".tmp"), "wb") as stream:
                np.save(stream, TorchTeacher(folder, device).encode(mine))
            made.with_suffix(".tmp").rename(made)
            log(f"{folder.name}: done")
        out.append(np.load(made))
    return out
