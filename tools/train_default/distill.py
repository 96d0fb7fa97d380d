#!/usr/bin/env python3
"""Distils the models inside the program from teachers. One command a model, seeded, resumable:

    tools/train_default/distill.py --teacher DIR --start DIR                 # the table
    tools/train_default/distill.py --teacher DIR --start DIR --layers 3      # the transformer over it

--teacher (repeatable) is a sentence-transformers folder that embedtool runs; --start is a bag folder
that train.py made: its rows are where the table starts, and its vectors are one more teacher's. Needs
PyTorch, numpy, sentencepiece and zstd; on a GPU tokenizers as well. State (texts, targets, checkpoints)
is kept in --state: a run that was stopped goes on from there. No weight of a teacher is copied: students
see its vectors alone.
"""
import argparse
import datetime
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # a shared machine: waiting threads must not spin
import numpy as np  # noqa: E402
import torch  # noqa: E402

import batches  # noqa: E402
import package  # noqa: E402
import score  # noqa: E402
import sources  # noqa: E402
import student  # noqa: E402
import texts as texts_module  # noqa: E402
import tokens  # noqa: E402
import torch_teacher  # noqa: E402
from teacher import Projection, Teacher  # noqa: E402

REPO = Path(__file__).resolve().parents[2]
LONGEST = 512  # tokens kept of a text
AXES = 384  # of the targets


def log(text):
    print(datetime.datetime.now().strftime("%H:%M:%S"), text, flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=sources.default_data())
    parser.add_argument("--state", type=Path, default=REPO / "build/distill")
    parser.add_argument("--output", type=Path, help="model folder to write; default: in --state")
    parser.add_argument("--teacher", type=Path, action="append", required=True, help="model folder")
    parser.add_argument("--runner", choices=("torch", "embedtool"), help="of the teachers; default by device")
    parser.add_argument("--embedtool", default=str(REPO / "build/release/embedtool"))
    parser.add_argument("--compute", default="int8", help="precision in which embedtool runs the teachers")
    parser.add_argument("--start", type=Path, required=True, help="bag folder that is a teacher, too")
    parser.add_argument("--share", type=float, default=0.7,
                        help="weight of --start as a teacher; others have 1")
    parser.add_argument("--table", type=Path,
                        help="bag folder with the student's tokenizer and first rows; default: --start")
    parser.add_argument("--texts", type=int, help="texts to train on; default: all")
    parser.add_argument("--dims", type=int, help="of a transformer's vectors; default: 384, the most")
    parser.add_argument("--layers", type=int, default=0, help="0: the table alone")
    for name, value in (("hidden", 256), ("heads", 4), ("ffn", 768)):
        parser.add_argument("--" + name, type=int, default=value, help="shape of the transformer")
    parser.add_argument("--steps", type=int, default=30000)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end early, after so much training")
    parser.add_argument("--rate", type=float, default=1e-3, help="peak rate, of the table")
    parser.add_argument("--layer-rate", type=float, default=0.1, help="share of it for the rest")
    parser.add_argument("--batch", type=float,
                        help="share of a batch of 4992 texts; default: 1 on a GPU, 0.06 on a CPU")
    for name, value in (("cosine", 1.0), ("neighbours", 1.0), ("pairs", 1.0)):
        parser.add_argument("--" + name, type=float, default=value, help="weight of this term of the loss")
    parser.add_argument("--blend", type=float, default=0.7,
                        help="of a table: share of the start in the rows that are written")
    parser.add_argument("--start-rows", type=Path, help="rows that a run of the table left, to start from")
    parser.add_argument("--package-only", action="store_true", help="no training, write what there is")
    parser.add_argument("--targets-only", action="store_true", help="stop when texts and targets are made")
    parser.add_argument("--score", action="store_true", help="score the result on the sets in --data")
    parser.add_argument("--name", help="of the checkpoint; default by shape")
    parser.add_argument("--eager", action="store_true", help="do not compile the student on a GPU")
    parser.add_argument("--save-every", type=float, default=60, help="seconds between checkpoints")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    if args.dims and not args.layers:
        parser.error("--dims: a table has as many as the bag it begins with; leave it out")
    args.runner = args.runner or ("torch" if args.device == "cuda" else "embedtool")
    args.batch = args.batch or (1.0 if args.device == "cuda" else 0.06)
    return args


def cpu_has_bf16():
    """Whether the CPU multiplies bf16 itself; older versions of PyTorch cannot tell."""
    return getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()


def start_rows(folder):
    """Rows [V, D] of a packaged bag."""
    tensors = package.load_safetensors(folder / "model.safetensors")
    return torch.from_numpy(tensors["embeddings"].astype(np.float32) * tensors["weights"][:, None])


def student_tokens(args, folder, pairs):
    """What the student reads of the texts, by the tokenizer of a bag folder."""
    model_file = folder / "tokenizer.model"
    return tokens.cached(args.state / f"tokens-{folder.name}-{len(pairs)}.npz", model_file,
                         [b for _, b in pairs], LONGEST, args.threads)


def teachers_of(args, texts):
    """One array [N, D] a teacher."""
    if args.runner == "torch":
        return torch_teacher.vectors(args.teacher, texts, args.state, args.device, args.threads, log)
    flags = ["--compute", args.compute, "--threads", str(args.threads)]
    return [Teacher(folder, args.embedtool, flags).shards(texts, args.state, log) for folder in args.teacher]


def bag_vectors(args, texts):
    """float16 [N, D]: what --start makes of its own tokens."""
    model = student.Static(start_rows(args.start)).to(args.device)
    return student.vectors_of(model, texts).half().numpy()


def targets_of(args, pairs):
    """float16 [N, dims]: the teachers' view of the texts, in the students' axes. Rows are cut to `dims`."""
    names = "-".join(folder.name for folder in args.teacher)
    file = args.state / f"targets-{names}-{args.share}-{len(pairs)}.npy"
    if not file.exists():
        parts, weights = teachers_of(args, [a for a, _ in pairs]), [1.0] * len(args.teacher)
        if args.share:
            parts.append(bag_vectors(args, student_tokens(args, args.start, pairs)))
            weights.append(args.share)
        projection = Projection(parts, weights, AXES, args.device)
        log(f"targets: {AXES} axes keep {projection.kept:.3f} of the teachers' variance")
        with open(file.with_suffix(".tmp"), "wb") as stream:
            np.save(stream, projection(parts))
        file.with_suffix(".tmp").rename(file)
    return np.load(file, mmap_mode="r")[:, :args.dims]


def settings_of(args, count):
    """What a run is made of; the model's config.json keeps it."""
    out = {"seed": args.seed, "steps": args.steps, "rate": args.rate, "layer_rate": args.layer_rate,
           "warmup": min(300, args.steps // 10 + 1), "decay": 0.01, "averaging": 0.998, "texts": count,
           "held_out": min(2000, count // 10),
           "weights": {name: getattr(args, name) for name in ("cosine", "neighbours", "pairs")},
           "buckets": [(max(4, int(texts * args.batch)), longest) for texts, longest in batches.BUCKETS],
           "teachers": [folder.name for folder in args.teacher], "share": args.share, "dims": args.dims}
    if not args.layers:
        out["blend"] = args.blend
    else:
        out["shape"] = {"hidden": args.hidden, "layers": args.layers, "heads": args.heads, "ffn": args.ffn,
                        "dims": args.dims}
    return out


def trained(args, model, texts, targets, settings, checkpoint):
    """The model with its averaged weights; `settings` tell the steps that were made."""
    if args.package_only:
        state = torch.load(checkpoint, map_location="cpu")
        average, settings["steps"] = state["average"], state["step"]
    else:
        wanted = torch.tensor(targets).to(args.device)
        numbers = batches.clusters(targets, min(batches.CLUSTERS, len(targets) // 64), args.seed, args.device)
        sampler = batches.Sampler(texts, numbers, settings["held_out"], model.vocab, args.seed, args.device,
                                  settings["buckets"])
        log(f"{int(sampler.lengths.sum())} tokens in buckets of {[len(m) for m in sampler.members]} texts")
        run = dict(settings, device=args.device, compile=args.device == "cuda" and not args.eager,
                   bf16=args.device == "cuda" or cpu_has_bf16(),
                   seconds=args.seconds, save=args.save_every, report=20)
        average, settings["steps"] = student.train(model, sampler, texts, wanted, run, checkpoint, log)
    model.load_state_dict(average)
    return model


def write(args, model, settings, model_file, output):
    if args.layers:
        state = student.finished(model.state_dict(), batches.BUCKETS[-1][1])
        package.package_transformer({name: value.cpu().numpy() for name, value in state.items()},
                                    settings["shape"], model_file, output, settings)
    else:
        package.package_bag(model.rows().detach().cpu().numpy(), model_file, output, settings)
    log(f"wrote {output}")


def main():
    args = parse()
    args.state.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.set_float32_matmul_precision("high")
    vocabulary = args.table or args.start
    bag = start_rows(vocabulary)
    args.dims = (args.dims or AXES) if args.layers else bag.shape[1]
    pairs = texts_module.load(args.data, args.state / "texts.jsonl", args.seed)[:args.texts]
    log(f"{len(pairs)} texts")
    targets = targets_of(args, pairs)
    texts = student_tokens(args, vocabulary, pairs)
    if args.targets_only:
        return
    name = args.name or f"{vocabulary.name}-{args.dims}" + (f"-{args.layers}x{args.hidden}x{args.ffn}"
                                                            if args.layers else "-table")
    settings = settings_of(args, len(pairs))
    sample = texts.first(min(len(texts), 50000))
    turn = student.rotation(bag, sample, targets[:len(sample)])
    rows = torch.load(args.start_rows) if args.start_rows else bag @ turn
    model = trained(args, first_student(args, rows, texts, settings), texts, targets, settings,
                    args.state / f"{name}.pt")
    if not args.layers:
        rows = model.rows().detach().cpu()
        torch.save(rows, args.state / f"{name}-rows.pt")
        # In the bag's own axes, which it was trained to be cut in.
        model = student.Static(student.blended(bag, rows @ turn.T, args.blend))
    write(args, model, settings, vocabulary / "tokenizer.model", args.output or args.state / name)
    if args.score:
        score.score_student(model, name, vocabulary, args, log)


def first_student(args, rows, texts, settings):
    """The student before its first step."""
    if not args.layers:
        return student.Static(rows)
    model = student.Encoder(len(rows), settings["shape"], args.seed)
    model.start_from(rows)
    return student.scaled(model, texts.first(2000))


if __name__ == "__main__":
    main()
