#!/usr/bin/python3
"""Trains a bag from scratch, or goes on from where a run stopped. One command:

    tools/train_default/train.py                        # tokenizer, bag -> build/train_default/builtin
    tools/train_default/train.py --model builtin-fast   # the smaller one -> .../builtin-fast
    tools/train_default/train.py --steps 300 --state /tmp/s --output /tmp/o    # a smoke test

Needs PyTorch, numpy, sentencepiece (Debian's python3-torch and so on will do) and zstd. State (tokenizer,
cached ids, checkpoints) is kept in --state; delete the folder to start anew. The seed fixes every draw;
two runs on one machine differ by the rounding of sums (0.2 % of the stored numbers, by one), not in
figures. distill.py takes a bag on from here.
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
from corpus import Corpus  # noqa: E402

REPO = Path(__file__).resolve().parents[2]
# (pieces, dimensions): builtin-fast is to fit 4 MB with both tokenizer files, all that ships 12 MB.
SIZES = {"builtin": (16000, 384), "builtin-fast": (11400, 256)}
BAG_STEPS, BAG_RATE = 6000, 0.003


def log(text):
    print(datetime.datetime.now().strftime("%H:%M:%S"), text, flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=sources.default_data())
    parser.add_argument("--state", type=Path, default=REPO / "build/train_default")
    parser.add_argument("--model", choices=tuple(SIZES), default="builtin")
    parser.add_argument("--output", type=Path, help="model folder to write; default: in --state")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=BAG_STEPS)
    parser.add_argument("--rate", type=float, default=BAG_RATE, help="peak")
    parser.add_argument("--batch", type=int, default=1024, help="pairs per step of the bag")
    parser.add_argument("--limit", type=int, default=128, help="longest side of the bag's pairs")
    parser.add_argument("--temperature", type=float, default=0.06)
    parser.add_argument("--vocabulary", type=int, help="pieces; default: 16000 (builtin-fast: 11400)")
    parser.add_argument("--dims", type=int, help="of the vectors; default: 384 (builtin-fast: 256)")
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
    rows, settings = train_bag(args, corpus)
    output = args.output or args.state / args.model
    package.package_bag(rows.numpy(), model_file, output, settings)
    log(f"wrote {output}")


def train_bag(args, corpus):
    """Rows [V, D] on the CPU, and the settings that they were trained with."""
    settings = {"seed": args.seed, "steps": args.steps, "batch": args.batch, "limit": args.limit,
                "temperature": args.temperature, "rate": args.rate, "scale_factor": 1.0,
                "dims": args.dims}
    file = args.state / f"bag-{args.vocabulary}x{args.dims}-{args.steps}.pt"
    rows = bag.train(corpus, dict(settings, report=500), file, args.device, log)
    return rows.cpu(), settings


if __name__ == "__main__":
    main()
