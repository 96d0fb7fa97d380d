#!/usr/bin/env python3
"""Carries texts and teachers to a machine that takes small uploads only, such as a rented GPU.

    tools/train_default/carry.py pack --state S --teacher DIR --teacher DIR --pieces OUT --size 44
    tools/train_default/carry.py unpack --pieces IN --state S --teachers DIR      # over there

`pack` writes folders OUT/1, OUT/2 … of at most --size megabytes; `unpack` reads the files of all of them
from one folder. Teachers' matrices travel in int8, 63 levels a side and scaled by row: vectors keep a
cosine of 0.998 to those of the original. texts.jsonl must be in --state (distill.py writes it).
"""
import argparse
import json
import lzma
import shutil
from multiprocessing import Pool
from pathlib import Path

import numpy as np

import package

LEVELS, SLICES = 63, 8
SETTINGS = ("config.json", "tokenizer.json", "sentence_bert_config.json")
# Quantized weights have no repeats: the range coder alone is worth its time.
ENTROPY = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 16, "lc": 0, "lp": 0, "pb": 0, "nice_len": 273,
            "mode": lzma.MODE_FAST, "mf": lzma.MF_HC3, "depth": 1}]


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("pack", "unpack"))
    parser.add_argument("--pieces", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, action="append", default=[], help="model folder to pack")
    parser.add_argument("--teachers", type=Path, help="folder that unpacked model folders go to")
    parser.add_argument("--size", type=float, default=44, help="megabytes of one piece")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def compressed(task):
    path, data, filters = task
    path.write_bytes(lzma.compress(data, preset=None if filters else 3, filters=filters))
    return path


def text_tasks(state, out):
    lines = (state / "texts.jsonl").read_bytes().splitlines(keepends=True)
    share = -(-len(lines) // SLICES)
    return [(out / f"texts.{i}.xz", b"".join(lines[i * share:(i + 1) * share]), None) for i in range(SLICES)]


def teacher_tasks(folder, out):
    """Writes what is small, and returns the tasks of the quantized matrices."""
    quantized, plain = [], {}
    for name, value in package.load_safetensors(folder / "model.safetensors").items():
        if value.ndim == 2 and min(value.shape) > 32:
            scale = np.abs(value.astype(np.float32)).max(axis=1) / LEVELS
            scale[scale == 0] = 1
            plain[name + "/scale"] = scale.astype(np.float32)
            plain[name + "/width"] = np.array([value.shape[1]], dtype=np.int64)
            quantized.append(np.rint(value / scale[:, None]).astype(np.int8).ravel())
        elif value.dtype != np.int64:
            plain[name] = value.astype(np.float32)
    package.save_safetensors(out / f"{folder.name}.rest", plain)
    for name in SETTINGS:
        shutil.copyfile(folder / name, out / f"{folder.name}.{name}")
    slices = np.array_split(np.concatenate(quantized), SLICES)
    return [(out / f"{folder.name}.{i}.xz", part.tobytes(), ENTROPY) for i, part in enumerate(slices)]


def pack(args):
    whole = args.pieces / "whole"
    whole.mkdir(parents=True, exist_ok=True)
    with Pool(args.threads) as pool:
        pool.map(compressed, text_tasks(args.state, whole), chunksize=1)
        for folder in args.teacher:
            pool.map(compressed, teacher_tasks(folder, whole), chunksize=1)
    number, room = 0, 0.0
    for file in sorted(whole.iterdir(), key=lambda path: (not path.name.startswith("texts"), path.name)):
        if file.stat().st_size > room:
            number, room = number + 1, args.size * 1e6
            (args.pieces / str(number)).mkdir(exist_ok=True)
        room -= file.stat().st_size
        file.rename(args.pieces / str(number) / file.name)
    whole.rmdir()


def unpacked(path):
    return lzma.decompress(path.read_bytes())


def unpack_teacher(args, name, pool):
    """The model folder in f16."""
    folder = args.teachers / name
    folder.mkdir(parents=True, exist_ok=True)
    for setting in SETTINGS:
        shutil.copyfile(args.pieces / f"{name}.{setting}", folder / setting)
    parts = pool.map(unpacked, [args.pieces / f"{name}.{i}.xz" for i in range(SLICES)])
    flat, at = np.frombuffer(b"".join(parts), dtype=np.int8), 0
    tensors = {}
    for key, value in package.load_safetensors(args.pieces / f"{name}.rest").items():
        if key.endswith("/scale"):
            matrix = key.removesuffix("/scale")
            scale = value
        elif key.endswith("/width"):
            size = len(scale) * int(value[0])
            rows = flat[at:at + size].reshape(len(scale), -1).astype(np.float32)
            tensors[matrix], at = (rows * scale[:, None]).astype(np.float16), at + size
        else:
            tensors[key] = value
    package.save_safetensors(folder / "model.safetensors", tensors)


def unpack(args):
    args.state.mkdir(parents=True, exist_ok=True)
    with Pool(args.threads) as pool:
        texts = pool.map(unpacked, [args.pieces / f"texts.{i}.xz" for i in range(SLICES)])
        (args.state / "texts.jsonl").write_bytes(b"".join(texts))
        for file in args.pieces.glob("*.rest"):
            unpack_teacher(args, file.name.removesuffix(".rest"), pool)


def main():
    args = parse()
    pack(args) if args.what == "pack" else unpack(args)


if __name__ == "__main__":
    main()
