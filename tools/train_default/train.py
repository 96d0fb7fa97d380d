#!/usr/bin/python3
"""Trains the default models from scratch, or goes on from where a run stopped. One command:

    scripts/train_default/train.py                        # tokenizer, bag -> formats/model/builtin/builtin
    scripts/train_default/train.py --model builtin-fast   # the smaller one -> …/builtin-fast
    scripts/train_default/train.py --model transformer    # the first bag, layers over it -> STATE/transformer
    scripts/train_default/train.py --steps 300 --state /tmp/s --output /tmp/o    # a smoke test
    scripts/train_default/train.py --model transformer --package-only            # the newest checkpoint

Needs Debian's python3-torch, python3-numpy, python3-sentencepiece and zstd. State (tokenizer, cached
ids, checkpoints) lies in --state; delete the folder to start anew. The seed fixes every draw; two runs
on one machine differ by the rounding of sums (0.2 % of the stored numbers, by one), not in figures.
"""
import argparse
import datetime
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import torch  # noqa: E402

import bag  # noqa: E402
import package  # noqa: E402
import sources  # noqa: E402
import tokenizer  # noqa: E402
import transformer  # noqa: E402
from corpus import Corpus  # noqa: E402

REPO = Path(__file__).resolve().parents[2]
# (pieces, dimensions): builtin-fast is to fit 4 MB with both tokenizer files, all that ships 12 MB.
SIZES = {"builtin": (16000, 384), "builtin-fast": (11400, 256), "transformer": (16000, 384)}
BAG_STEPS, BAG_RATE = 6000, 0.003


def log(text):
    print(datetime.datetime.now().strftime("%H:%M:%S"), text, flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=sources.default_data())
    parser.add_argument("--state", type=Path, default=REPO / "build/train_default")
    parser.add_argument("--model", choices=tuple(SIZES), default="builtin")
    parser.add_argument("--output", type=Path, help="model folder to write")
    parser.add_argument("--package-only", action="store_true", help="no training, write what there is")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, help="default: 6000 (bag), 800 (transformer)")
    parser.add_argument("--rate", type=float, help="peak; default: 0.003 (bag), 0.0001 (transformer)")
    parser.add_argument("--batch", type=int, default=1024, help="pairs per step of the bag")
    parser.add_argument("--limit", type=int, default=128, help="longest side of the bag's pairs")
    parser.add_argument("--temperature", type=float, default=0.06)
    parser.add_argument("--vocabulary", type=int, help="pieces; default: 16000 (builtin-fast: 11400)")
    parser.add_argument("--dims", type=int, help="of the vectors; default: 384 (builtin-fast: 256)")
    for name, value in (("hidden", 384), ("layers", 1), ("heads", 6), ("ffn", 768)):
        parser.add_argument("--" + name, type=int, default=value, help="shape of the transformer")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def main():
    args = parse()
    for name, value in zip(("vocabulary", "dims"), SIZES[args.model]):
        if getattr(args, name) is None:
            setattr(args, name, value)
    args.state.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    stem = f"{args.state}/{args.vocabulary}"
    model_file = Path(stem + ".model")
    if not model_file.exists():
        log("tokenizer: training")
        tokenizer.train(sources.tokenizer_text(args.data, args.seed), stem + ".new", args.vocabulary,
                        args.seed)
        Path(stem + ".new.model").rename(model_file)
    log("tokens: reading or building the cache")
    corpus = Corpus.build(args.data, model_file, Path(stem + ".npz"))
    log(f"{len(corpus.docs)} documents, {int(corpus.counts.sum())} tokens")
    if args.model != "transformer":
        rows, settings = train_bag(args, corpus, args.steps or BAG_STEPS, args.rate or BAG_RATE)
        output = args.output or REPO / "formats/model/builtin" / args.model
        package.package_bag(rows.numpy(), model_file, output, settings)
    else:
        shape = {name: getattr(args, name) for name in ("hidden", "layers", "heads", "ffn", "dims")}
        state, settings = train_transformer(args, corpus, shape)
        output = args.output or args.state / "transformer"
        package.package_transformer({k: v.cpu().numpy() for k, v in state.items()}, shape,
                                    model_file, output, settings)
    log(f"wrote {output}")


def train_bag(args, corpus, steps, rate):
    """Rows [V, D] on the CPU, and the settings that they were trained with."""
    settings = {"seed": args.seed, "steps": steps, "batch": args.batch, "limit": args.limit,
                "temperature": args.temperature, "rate": rate, "scale_factor": 1.0,
                "dims": args.dims}
    file = args.state / f"bag-{args.vocabulary}x{args.dims}-{steps}.pt"
    rows = bag.train(corpus, dict(settings, report=500), file, args.device, log)
    return rows.cpu(), settings


def train_transformer(args, corpus, shape):
    """Averaged weights, and the settings that they were trained with."""
    settings = {"seed": args.seed, "steps": args.steps or 800, "rate": args.rate or 0.0001,
                "temperature": args.temperature, "table_factor": 0.2, "added_factor": 0.1, "shape": shape}
    name = "transformer-{layers}x{hidden}-{ffn}".format(**shape)
    checkpoint = args.state / f"{name}-{args.vocabulary}x{args.dims}.pt"
    if args.package_only:
        state = torch.load(checkpoint, map_location="cpu")
        return transformer.finished(state["average"]), state["settings"]
    rows, _ = train_bag(args, corpus, BAG_STEPS, BAG_RATE)  # at once where it was trained before
    return transformer.train(corpus, rows, dict(settings, report=100), checkpoint, args.device,
                             log), settings


if __name__ == "__main__":
    main()
