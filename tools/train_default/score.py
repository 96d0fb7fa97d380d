#!/usr/bin/env python3
"""Scores in PyTorch what tools/evaluate.py scores in the program: a student in training, or its teachers.

    tools/train_default/score.py --start formats/model/builtin/builtin --teacher DIR --teacher DIR

prints the English sets for each teacher, the bag, and what the targets made of them would score.
"""
import argparse
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import evaluate  # noqa: E402
import tokens  # noqa: E402

ENGLISH = r"^(?!xquad-(?!en)|stsb-(?!en)|jsts|korsts)"


def texts_of(data):
    """(sets, unique texts, rows of each set's texts)."""
    sets = evaluate.load_sets(data, ENGLISH)
    unique = {}
    index = [[unique.setdefault(text, len(unique)) for text in one.texts()] for one in sets]
    return sets, list(unique), index


def scores(vectors, sets, index):
    """{set: score} of float32 rows, L2-normalised."""
    return {one.name: one.score(vectors[rows]) for one, rows in zip(sets, index)}


def summary(figures, sets):
    """One line: the means of both kinds, and the sets that the README names."""
    out = []
    for kind in ("sts", "retrieval"):
        values = [figures[one.name] for one in sets if one.kind == kind]
        if values:
            out.append(f"{kind} {sum(values) / len(values):.4f}")
    for name in ("stsb-en-dev", "sick-trial", "scifact", "cacm", "cranfield", "adi"):
        if name in figures:
            out.append(f"{name} {figures[name]:.3f}")
    return " ".join(out)


def tokens_of(folder, unique, state, threads):
    """Ids of the sets' texts by the tokenizer of a bag folder, kept in `state`."""
    file = Path(folder) / "tokenizer.model"
    return tokens.cached(state / f"scored-{Path(folder).name}-{len(unique)}.npz", file, unique, 512, threads)


def score_student(model, name, folder, args, log, widths=(None, 128)):
    """Logs the scores and writes them to NAME-WIDTH.json in --state."""
    import student
    sets, unique, index = texts_of(args.data)
    vectors = student.vectors_of(model, tokens_of(folder, unique, args.state, args.threads))
    for width in widths:
        part = torch.nn.functional.normalize(vectors[:, :width], dim=1).numpy()
        figures = scores(part, sets, index)
        log(f"{name} scores at {part.shape[1]}: " + summary(figures, sets))
        file = args.state / f"{name}-{part.shape[1]}.json"
        file.write_text(json.dumps(figures, indent=1) + "\n")


def main():
    import distill
    import torch_teacher
    from teacher import Projection
    args = distill.parse()
    args.state.mkdir(parents=True, exist_ok=True)
    sets, unique, index = texts_of(args.data)
    log = distill.log
    log(f"{len(unique)} texts of {len(sets)} sets")
    parts = torch_teacher.vectors(args.teacher, unique, args.state, args.device, args.threads, log)
    parts.append(distill.bag_vectors(args, tokens_of(args.start, unique, args.state, args.threads)))
    figures = {}
    for weights in itertools.product(*[(0, 1)] * len(args.teacher), (0, 0.3, 0.5, 0.7, 1)):
        chosen = [(part, weight) for part, weight in zip(parts, weights) if weight]
        if not chosen:
            continue
        projection = Projection([part for part, _ in chosen], [weight for _, weight in chosen], args.dims,
                                args.device)
        rows = projection([part for part, _ in chosen]).astype(np.float32)
        figures[str(weights)] = scores(rows, sets, index)
        log(f"{weights}: " + summary(figures[str(weights)], sets))
    (args.state / "teachers.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
