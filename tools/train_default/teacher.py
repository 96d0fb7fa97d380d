"""The teachers' side: vectors of all texts by `embedtool encode`, in shards on disk; and the targets.

A target is the concatenation of the teachers' unit vectors, each with its mean taken away and times its
weight, rotated to its principal axes and cut to the student's width. Its cosine is a weighted mean of the
teachers' cosines, and its first dimensions carry the most: a Matryoshka vector by construction.
"""
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

SHARD = 8192  # texts


def unit(rows):
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(size > 0, size, 1)


class Teacher:
    """A model folder and the program that runs it; vectors are float32 [N, D], L2-normalised."""

    def __init__(self, folder, program, flags=()):
        self.folder, self.program, self.flags = Path(folder), program, list(flags)
        self.name = self.folder.name

    def encode(self, texts):
        with tempfile.TemporaryDirectory(prefix="embedtool-teacher-") as work:
            source, out = Path(work) / "texts.jsonl", Path(work) / "out"
            with open(source, "w", encoding="utf-8") as file:
                for i, text in enumerate(texts):
                    file.write(json.dumps({"id": str(i), "text": text}, ensure_ascii=False) + "\n")
            subprocess.run([self.program, "encode", source, "-m", self.folder, "-o", out, "--to", "npy",
                            "-q"] + self.flags, check=True)
            parts = sorted(out.glob("*.npy")) if out.is_dir() else [out]
            vectors = np.concatenate([np.load(part) for part in parts]).astype(np.float32)
        if len(vectors) != len(texts):
            raise ValueError(f"{self.folder}: {len(vectors)} vectors for {len(texts)} texts")
        return unit(vectors)

    def shards(self, texts, folder, log):
        """Vectors of all texts, float16 [N, D]; a shard that was written before is read."""
        folder = Path(folder) / self.name
        folder.mkdir(parents=True, exist_ok=True)
        out = []
        for start in range(0, len(texts), SHARD):
            file = folder / f"{start // SHARD:05d}.npy"
            wanted = texts[start:start + SHARD]
            rows = np.load(file) if file.exists() else None
            if rows is None or len(rows) < len(wanted):
                rows = self.encode(wanted).astype(np.float16)
                with open(file.with_suffix(".tmp"), "wb") as stream:
                    np.save(stream, rows)
                file.with_suffix(".tmp").rename(file)
                log(f"{self.name}: {start + len(wanted)} of {len(texts)} texts")
            out.append(rows[:len(wanted)])
        return np.concatenate(out)


class Projection:
    """Teachers' vectors -> targets [N, width], unit length, in PyTorch on `device`."""

    def __init__(self, parts, weights, width, device="cpu", sample=100000):
        """`parts`: one array [N, D] a teacher, each with its weight; axes are those of the first rows."""
        self.weights, self.device = weights, device
        first = [torch.from_numpy(part[:sample]).to(device).float() for part in parts]
        self.means = [part.mean(0) for part in first]
        joined = self.joined(first)
        values, axes = torch.linalg.eigh(joined.T @ joined)
        self.axes = axes[:, -width:].flip(1)
        self.kept = float(values[-width:].sum() / values.sum())

    def joined(self, parts):
        return torch.cat([weight * F.normalize(part - mean, dim=1)
                          for part, mean, weight in zip(parts, self.means, self.weights)], dim=1)

    def __call__(self, parts, block=65536):
        """float16 [N, width]."""
        out = []
        for i in range(0, len(parts[0]), block):
            rows = [torch.from_numpy(part[i:i + block]).to(self.device).float() for part in parts]
            out.append(F.normalize(self.joined(rows) @ self.axes, dim=1).half().cpu().numpy())
        return np.concatenate(out)
