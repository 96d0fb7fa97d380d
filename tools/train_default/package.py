"""Writes a trained bag as a model folder: safetensors in int8, both tokenizer files, configs."""
import json
import struct
from pathlib import Path

import numpy as np

import tokenizer as tokenizer_module
from bag import PREFIXES

NORMALIZE = {"idx": 1, "name": "1", "path": "1_Normalize",
             "type": "sentence_transformers.models.Normalize"}
# bag.py in the folder: sentence_transformers_bag.py.
STATIC = {"idx": 0, "name": "0", "path": ".", "type": "bag.StaticEmbedding"}
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


def matryoshka(dims):
    """The widths that were trained, the full one first."""
    return [dims] + [width for width in PREFIXES if width < dims]


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
        "embedding_dtype": "int8", "matryoshka_dims": matryoshka(rows.shape[1]),
        # No text maps to <unk> (byte fallback); its untrained row stands for an empty text.
        "empty_text_token_id": 0, "training": settings})
    write_json(folder / "modules.json", [STATIC, NORMALIZE])
    loader = Path(__file__).with_name("sentence_transformers_bag.py")
    (folder / "bag.py").write_text(loader.read_text(encoding="utf-8"), encoding="utf-8")
    return embeddings.astype(np.float32) * weights[:, None]


# ------------------------------------------------------------------------------------ transformer
# Our parameter names -> BERT's in a checkpoint.
LAYER_NAMES = {
    "query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
    "output": "attention.output.dense", "norm1": "attention.output.LayerNorm",
    "up": "intermediate.dense", "down": "output.dense", "norm2": "output.LayerNorm",
}
TOP_NAMES = {"words": "embeddings.word_embeddings", "positions": "embeddings.position_embeddings",
             "norm": "embeddings.LayerNorm"}


def bert_name(name):
    parts = name.split(".")
    if parts[0] == "layers":
        return ".".join(["encoder.layer", parts[1], LAYER_NAMES[parts[2]], parts[3]])
    return ".".join([TOP_NAMES[parts[0]], parts[1]])


def package_transformer(state, shape, model_file, folder, settings):
    """A sentence-transformers folder in f16: BERT, mean pooling, dense head, L2."""
    folder = Path(folder)
    (folder / "1_Pooling").mkdir(parents=True, exist_ok=True)
    (folder / "2_Dense").mkdir(exist_ok=True)
    half = {name: np.asarray(value, dtype=np.float32).astype(np.float16)
            for name, value in state.items()}
    head = half.pop("head.weight")
    tensors = {bert_name(name): value for name, value in half.items()}
    hidden = shape["hidden"]
    tensors["embeddings.token_type_embeddings.weight"] = np.zeros((1, hidden), dtype=np.float16)
    save_safetensors(folder / "model.safetensors", dict(sorted(tensors.items())), {"format": "pt"})
    save_safetensors(folder / "2_Dense/model.safetensors", {"linear.weight": head}, {"format": "pt"})
    vocab, positions = tensors[TOP_NAMES["words"] + ".weight"].shape[0], 512
    write_json(folder / "config.json", {
        "model_type": "bert", "architectures": ["BertModel"], "vocab_size": vocab,
        "hidden_size": hidden, "num_hidden_layers": shape["layers"],
        "num_attention_heads": shape["heads"], "intermediate_size": shape["ffn"],
        "hidden_act": "gelu", "max_position_embeddings": positions, "type_vocab_size": 1,
        "layer_norm_eps": 1e-12, "pad_token_id": vocab - 1, "torch_dtype": "float16",
        "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
        "matryoshka_dims": matryoshka(head.shape[0]), "training": settings})
    write_json(folder / "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"},
        {"idx": 3, "name": "3", "path": "3_Normalize",
         "type": "sentence_transformers.models.Normalize"}])
    write_json(folder / "1_Pooling/config.json", {
        "word_embedding_dimension": hidden, "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False})
    write_json(folder / "2_Dense/config.json", {
        "in_features": hidden, "out_features": head.shape[0], "bias": False,
        "activation_function": "torch.nn.modules.linear.Identity"})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": positions,
                                                      "do_lower_case": False})
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": positions,
        "pad_token": "<pad>", "bos_token": "<s>", "unk_token": "<unk>"})
    blob = Path(model_file).read_bytes()
    text = tokenizer_module.hugging_face(blob, start="<s>", pad="<pad>")
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
