#!/usr/bin/env python3
"""What a precision costs: vectors of `embedtool encode` against a float64 BERT.

usage: bench/accuracy.py EMBEDTOOL MODEL IDS.jsonl [TEXTS]

MODEL is a BERT folder with mean pooling (tests/golden/makers/make_model.py, or a real one) in f32; IDS.jsonl
holds `input_ids` records, of which the first TEXTS (1000) are compared. The reference is written
from the paper and the checkpoint's names alone, with PyTorch's float64 (Debian: python3-torch).
Prints for every precision and backend the worst and the mean cosine and the largest difference of
an element, and how often the nearest other text changes.
"""

import json
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import torch

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def read_weights(path):
    """{name: float64 tensor} of a safetensors file."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    out = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in DTYPES:
            continue
        begin, end = entry["data_offsets"]
        raw = torch.frombuffer(bytearray(data[8 + size + begin : 8 + size + end]),
                               dtype=DTYPES[entry["dtype"]])
        out[name.removeprefix("bert.")] = raw.reshape(entry["shape"]).to(torch.float64)
    return out


def norm(x, w, prefix, eps):
    mean = x.mean(-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(variance + eps) * w[prefix + ".weight"] + w[prefix + ".bias"]


def linear(x, w, prefix):
    return x @ w[prefix + ".weight"].T + w[prefix + ".bias"]


def encode(ids, w, config):
    heads = config["num_attention_heads"]
    eps = config["layer_norm_eps"]
    n = len(ids)
    e = "embeddings."
    x = w[e + "word_embeddings.weight"][torch.tensor(ids)]
    x = x + w[e + "position_embeddings.weight"][:n] + w[e + "token_type_embeddings.weight"][0]
    x = norm(x, w, e + "LayerNorm", eps)
    for i in range(config["num_hidden_layers"]):
        p = f"encoder.layer.{i}."
        q, k, v = (
            linear(x, w, p + "attention.self." + part).reshape(n, heads, -1).transpose(0, 1)
            for part in ("query", "key", "value")
        )
        scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
        mixed = (torch.softmax(scores, -1) @ v).transpose(0, 1).reshape(n, -1)
        attended = linear(mixed, w, p + "attention.output.dense")
        x = norm(x + attended, w, p + "attention.output.LayerNorm", eps)
        up = linear(x, w, p + "intermediate.dense")
        up = up * 0.5 * (1 + torch.erf(up / 2**0.5))
        x = norm(x + linear(up, w, p + "output.dense"), w, p + "output.LayerNorm", eps)
    pooled = x.mean(0)
    return (pooled / pooled.norm()).numpy()


def encode_with(binary, model, ids, folder, arguments):
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([binary, "encode", ids, "-m", model, "--to", "npy", "-o", folder, "-q",
                    *arguments], check=True)
    return numpy.load(folder / "embeddings.npy").astype(numpy.float64)


def nearest(vectors):
    scores = vectors @ vectors.T
    numpy.fill_diagonal(scores, -2)
    return scores.argmax(1)


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__.split("\n\n")[1])
    binary, model, ids_file = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 1000
    with open(ids_file, encoding="utf-8") as lines:
        chosen = [line for _, line in zip(range(count), lines)]
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu":
        sys.exit("the reference knows BERT with exact GELU only")
    weights = read_weights(model / "model.safetensors")
    with torch.no_grad():
        want = numpy.stack(
            [encode(json.loads(line)["input_ids"], weights, config) for line in chosen])
    want_nearest = nearest(want)
    print(f"{len(chosen)} texts")
    print("| precision | backend | worst cosine | mean cosine | largest difference "
          "| nearest text changed |")
    print("|---|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as scratch:
        some = Path(scratch) / "ids.jsonl"
        some.write_text("".join(chosen), encoding="utf-8")
        for precision in ("f32", "bf16", "int8"):
            for backend in ("native", "onednn", "openblas"):
                if backend == "openblas" and precision != "f32":
                    continue
                got = encode_with(binary, model, some, Path(scratch) / "out",
                                  ["--compute", precision, "--gemm", backend])
                cosine = (got * want).sum(1) / numpy.linalg.norm(got, axis=1)
                changed = (nearest(got) != want_nearest).mean()
                print(f"| {precision} | {backend} | {cosine.min():.7f} | {cosine.mean():.7f} "
                      f"| {numpy.abs(got - want).max():.2e} | {changed:.2%} |", flush=True)


if __name__ == "__main__":
    main()
