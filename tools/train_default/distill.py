#!/usr/bin/env python3
"""Distils the models inside the program from teachers. One command a model, seeded, resumable:

    tools/train_default/distill.py --teacher DIR --start DIR                 # the table
    tools/train_default/distill.py --teacher DIR --start DIR --layers 2      # the transformer over it

--teacher (repeatable) is a sentence-transformers folder that embedtool runs; --start is a bag folder
that train.py made: its tokenizer is kept and its rows are where the table starts. Needs PyTorch, numpy,
sentencepiece and zstd. State (texts, teachers' vectors, checkpoints) is kept in --state: a run that was
stopped goes on from there, and one with more --texts encodes only those that are new. No weight of a
teacher is copied: students see its vectors alone.
"""
import argparse
import datetime
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # a shared machine: waiting threads must not spin
import numpy as np  # noqa: E402
import sentencepiece  # noqa: E402
import torch  # noqa: E402

import bag  # noqa: E402
import corpus as corpus_module  # noqa: E402
import package  # noqa: E402
import sources  # noqa: E402
import student  # noqa: E402
import table  # noqa: E402
import texts as texts_module  # noqa: E402
from teacher import Projection, Teacher  # noqa: E402

REPO = Path(__file__).resolve().parents[2]


def log(text):
    print(datetime.datetime.now().strftime("%H:%M:%S"), text, flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=sources.default_data())
    parser.add_argument("--state", type=Path, default=REPO / "build/distill")
    parser.add_argument("--teacher", type=Path, action="append", required=True, help="model folder")
    parser.add_argument("--embedtool", default=str(REPO / "build/release/embedtool"))
    parser.add_argument("--compute", default="int8", help="precision of the teachers' linear layers")
    parser.add_argument("--start", type=Path, required=True, help="bag folder to start from")
    parser.add_argument("--tokenizer", type=Path, help="bag folder whose tokenizer to use; default: --start")
    parser.add_argument("--texts", type=int, default=300000, help="texts that the teachers encode")
    parser.add_argument("--dims", type=int, help="of the vectors; default: those of --start")
    parser.add_argument("--layers", type=int, default=0, help="0: the table alone")
    for name, value in (("heads", 6), ("ffn", 384)):
        parser.add_argument("--" + name, type=int, default=value, help="shape of the transformer")
    parser.add_argument("--output", type=Path, help="model folder to write; default: in --state")
    parser.add_argument("--package-only", action="store_true", help="no training, write what there is")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--prior", type=float, default=1.0,
                        help="weight of --start in the table's fit, in occurrences of a piece")
    parser.add_argument("--blend", type=float, default=0.7,
                        help="share of --start in the table that is written; the transformer takes the fit")
    parser.add_argument("--steps", type=int, default=20000, help="of the transformer")
    parser.add_argument("--rate", type=float, default=5e-4, help="peak rate of the transformer")
    parser.add_argument("--relational", type=float, default=1.0, help="weight of the neighbours' term")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


class Tokens:
    """The students' id arrays, flat in memory and cached on disk."""

    def __init__(self, processor, texts, cache):
        if not cache.exists():
            ids = processor.encode(texts, num_threads=2)
            stored = corpus_module.Texts.of(ids, corpus_module.MAX_STORED)
            with open(cache.with_suffix(".tmp"), "wb") as file:
                np.savez(file, flat=stored.flat, offsets=stored.offsets)
            cache.with_suffix(".tmp").rename(cache)
        with np.load(cache) as arrays:
            self.texts = corpus_module.Texts(arrays["flat"], arrays["offsets"])

    def __getitem__(self, i):
        return self.texts[i]

    def __len__(self):
        return len(self.texts)


def start_rows(folder, processor):
    """Rows [V, D] of a packaged bag for the pieces of `processor`.

    A piece that the bag's own tokenizer lacks gets the sum of what that one makes of it.
    """
    tensors = package.load_safetensors(folder / "model.safetensors")
    rows = torch.from_numpy(tensors["embeddings"].astype(np.float32) * tensors["weights"][:, None])
    own = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    unknown, out = own.unk_id(), []
    for number in range(processor.get_piece_size()):
        piece = processor.id_to_piece(number)
        same = own.piece_to_id(piece)
        known = same != unknown or number == processor.unk_id()
        # encode() puts a space before a text; a piece from inside a word must not get one
        ids = [same] if known else [i for i in own.encode(piece.replace("\u2581", " "))
                                    if own.id_to_piece(i) != "\u2581"]
        out.append(rows[ids].sum(0))
    return torch.stack(out)


def targets_of(args, pairs, dims):
    """float16 [N, dims]: the teachers' view of the texts, in the students' axes."""
    flags = ["--compute", args.compute, "--threads", str(args.threads)]
    parts = [Teacher(folder, args.embedtool, flags).shards([a for a, _ in pairs], args.state, log)
             for folder in args.teacher]
    projection = Projection(parts, dims)
    log(f"targets: {dims} axes keep {projection.kept:.3f} of the teachers' variance")
    return projection(parts)


def fitted_table(args, name, rows, texts, targets):
    """Rows [V, D] of the static student that starts from `rows`."""
    file = args.state / f"table-{name}-{args.prior}.pt"
    if not file.exists():
        some = [i for i in range(len(texts)) if len(texts[i])]
        fitted = table.fit(rows, [texts[i] for i in some],
                           torch.from_numpy(targets[some].astype(np.float32)), args.prior, log)
        bag.save(file, fitted)
    return torch.load(file)


def write_table(args, start, fitted, texts, model_file, output):
    """The static model: start and fit blended, their axes ordered by what they carry."""
    some = [texts[i] for i in range(min(len(texts), 50000)) if len(texts[i])]
    rows = table.blended(start, fitted, some, args.blend)
    package.package_bag(rows.numpy(), model_file, output, {
        "seed": args.seed, "prior": args.prior, "blend": args.blend, "texts": len(texts),
        "dims": rows.shape[1], "teachers": [folder.name for folder in args.teacher]})


def distilled_transformer(args, name, rows, texts, targets):
    """(averaged weights, settings) of the transformer over `rows`."""
    shape = {"hidden": rows.shape[1], "layers": args.layers, "heads": args.heads, "ffn": args.ffn,
             "dims": targets.shape[1]}
    settings = {"seed": args.seed, "steps": args.steps, "rate": args.rate, "batch": 128, "limit": 256,
                "relational": args.relational, "table_factor": 0.2, "added_factor": 0.5,
                "averaging": 0.998, "warmup": 200, "texts": len(targets),
                "held_out": min(2000, len(targets) // 10),
                "teachers": [folder.name for folder in args.teacher], "shape": shape}
    file = args.state / f"student-{name}-{args.layers}x{args.ffn}.pt"
    if args.package_only:
        state = torch.load(file, map_location="cpu")
        return state["average"], dict(state["settings"], steps=state["step"])
    return student.train(rows, texts, targets, dict(settings, report=500, save=50), file, args.device,
                         log), settings


def main():
    args = parse()
    args.state.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    vocabulary = args.tokenizer or args.start
    model_file = vocabulary / "tokenizer.model"
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model_file))
    rows = start_rows(args.start, processor)
    pairs = texts_module.load(args.data, args.state / "texts.jsonl", args.seed)[:args.texts]
    log(f"{len(pairs)} texts")
    dims = args.dims or rows.shape[1]
    targets = targets_of(args, pairs, dims)
    texts = Tokens(processor, [b for _, b in pairs],
                   args.state / f"tokens-{len(rows)}-{len(pairs)}.npz")
    name = f"{len(rows)}x{dims}-{args.start.name}-{len(pairs)}"
    fitted = fitted_table(args, name, rows, texts, targets)
    output = args.output or args.state / ("transformer" if args.layers else "table")
    if args.layers:
        state, settings = distilled_transformer(args, name, fitted, texts, targets)
        package.package_transformer({k: v.cpu().numpy() for k, v in
                                     student.finished(state, settings["limit"] // 2).items()},
                                    settings["shape"], model_file, output, settings)
    else:
        write_table(args, rows, fitted, texts, model_file, output)
    log(f"wrote {output}")


if __name__ == "__main__":
    main()
