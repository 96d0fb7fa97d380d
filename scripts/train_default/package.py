"""Writes a trained bag as a model folder: safetensors in int8, both tokenizer files, configs."""
import json
import struct
from pathlib import Path

import numpy as np

import tokenizer as tokenizer_module

NORMALIZE = {"idx": 1, "name": "1", "path": "1_Normalize",
             "type": "sentence_transformers.models.Normalize"}
STATIC = {"idx": 0, "name": "0", "path": ".", "type": "sentence_transformers.models.StaticEmbedding"}
DTYPES = {"int8": "I8", "float32": "F32", "float16": "F16", "int64": "I64"}


def quantize(rows):
    """Symmetric int8 by row: rows[t] ~ weights[t] * embeddings[t], |error| <= weights[t] / 2."""
    weights = np.abs(rows).max(axis=1) / 127.0
    weights[weights == 0] = 1.0
    embeddings = np.rint(rows / weights[:, None]).astype(np.int8)
    return embeddings, weights.astype(np.float32)


def save_safetensors(path, tensors, metadata=None):
    """A safetensors file; data starts on a multiple of 64 bytes so that it can be mapped."""
    header = {"__metadata__": metadata} if metadata else {}
    at = 0
    for name, tensor in tensors.items():
        size = tensor.nbytes
        header[name] = {"dtype": DTYPES[tensor.dtype.name], "shape": list(tensor.shape),
                        "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % 64)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(np.ascontiguousarray(tensor).tobytes())


def load_safetensors(path):
    """Tensors of a file that save_safetensors wrote."""
    blob = Path(path).read_bytes()
    size = struct.unpack("<Q", blob[:8])[0]
    header = json.loads(blob[8:8 + size])
    kinds = {kind: name for name, kind in DTYPES.items()}
    out = {}
    for name, entry in header.items():
        if name != "__metadata__":
            low, high = (8 + size + offset for offset in entry["data_offsets"])
            flat = np.frombuffer(blob[low:high], dtype=kinds[entry["dtype"]])
            out[name] = flat.reshape(entry["shape"])
    return out


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def package_bag(rows, model_file, folder, settings):
    """Writes the folder; returns the rows as they will be read back, [V, D] float32."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rows = np.asarray(rows, dtype=np.float32)
    embeddings, weights = quantize(rows)
    save_safetensors(folder / "model.safetensors", {"embeddings": embeddings, "weights": weights},
                     {"format": "pt"})
    blob = Path(model_file).read_bytes()
    (folder / "tokenizer.model").write_bytes(blob)
    (folder / "tokenizer.json").write_text(tokenizer_module.hugging_face(blob), encoding="utf-8")
    write_json(folder / "config.json", {
        "model_type": "model2vec", "architectures": ["StaticModel"], "hidden_dim": rows.shape[1],
        "vocab_size": rows.shape[0], "normalize": True, "seq_length": 1000000,
        "embedding_dtype": "int8", "matryoshka_dims": [256, 128, 64],
        # No text maps to <unk> (byte fallback); its untrained row stands for an empty text.
        "empty_text_token_id": 0, "training": settings})
    write_json(folder / "modules.json", [STATIC, NORMALIZE])
    return embeddings.astype(np.float32) * weights[:, None]
