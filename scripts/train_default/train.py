#!/usr/bin/python3
"""Trains the default models from scratch, or goes on from where a run stopped. One command:

    scripts/train_default/train.py                        # tokenizer, bag -> formats/model/builtin/builtin-fast
    scripts/train_default/train.py --model transformer    # goes on from the bag -> formats/model/builtin/builtin
    scripts/train_default/train.py --steps 300 --state /tmp/s --output /tmp/o    # a smoke test
    scripts/train_default/train.py --model transformer --package-only            # the newest checkpoint

Needs Debian's python3-torch, python3-numpy, python3-sentencepiece and zstd. State (tokenizer, cached
ids, checkpoints) lies in --state; delete the folder to start anew. The seed fixes every draw; on one
machine with one thread count two runs give the same bytes, elsewhere the same quality within noise.
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
VOCABULARY = 11400  # as many pieces as fit 4 MB with both tokenizer files


def log(text):
    print(datetime.datetime.now().strftime("%H:%M:%S"), text, flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=sources.default_data())
    parser.add_argument("--state", type=Path, default=REPO / "build/train_default")
    parser.add_argument("--model", choices=("bag", "transformer"), default="bag")
    parser.add_argument("--output", type=Path, help="model folder to write")
    parser.add_argument("--package-only", action="store_true", help="no training, write what there is")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, help="default: 6000 (bag), 4000 (transformer)")
    parser.add_argument("--rate", type=float, help="peak; default: 0.003 (bag), 0.001 (transformer)")
    parser.add_argument("--batch", type=int, default=1024, help="pairs per step of the bag")
    parser.add_argument("--limit", type=int, default=128, help="longest side of the bag's pairs")
    parser.add_argument("--temperature", type=float, default=0.06)
    for name, value in (("hidden", 256), ("layers", 2), ("heads", 4), ("ffn", 512)):
        parser.add_argument("--" + name, type=int, default=value, help="shape of the transformer")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def main():
    args = parse()
    args.state.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    model_file = args.state / "tokenizer.model"
    if not model_file.exists():
        log("tokenizer: training")
        prefix = str(args.state / "tokenizer.new")
        tokenizer.train(sources.tokenizer_text(args.data, args.seed), prefix, VOCABULARY, args.seed)
        Path(prefix + ".model").rename(model_file)
    log("tokens: reading or building the cache")
    corpus = Corpus.build(args.data, model_file, args.state / "tokens.npz")
    log(f"{len(corpus.docs)} documents, {int(corpus.counts.sum())} tokens")
    if args.model == "bag":
        train_bag(args, corpus, model_file)
    else:
        train_transformer(args, corpus, model_file)


def train_bag(args, corpus, model_file):
    settings = {"seed": args.seed, "steps": args.steps or 6000, "batch": args.batch,
                "limit": args.limit, "temperature": args.temperature, "rate": args.rate or 0.003,
                "scale_factor": 1.0}
    rows = bag.train(corpus, dict(settings, report=500), args.state / "bag.pt", args.device, log)
    torch.save(rows.cpu(), args.state / "bag.rows.pt")
    output = args.output or REPO / "formats/model/builtin/builtin-fast"
    package.package_bag(rows.cpu().numpy(), model_file, output, settings)
    log(f"wrote {output}")


def train_transformer(args, corpus, model_file):
    shape = {name: getattr(args, name) for name in ("hidden", "layers", "heads", "ffn")}
    settings = {"seed": args.seed, "steps": args.steps or 4000, "rate": args.rate or 0.001,
                "temperature": args.temperature, "table_factor": 0.5, "shape": shape}
    stem = "transformer-{layers}x{hidden}-{ffn}".format(**shape)
    checkpoint = args.state / (stem + ".pt")
    if args.package_only:
        state = transformer.finished(torch.load(checkpoint, map_location="cpu")["average"])
    else:
        rows = torch.load(args.state / "bag.rows.pt", map_location="cpu")
        state = transformer.train(corpus, rows, dict(settings, report=50), checkpoint, args.device, log)
    output = args.output or REPO / "formats/model/builtin/builtin"
    package.package_transformer({k: v.cpu().numpy() for k, v in state.items()}, shape, model_file,
                                output, settings)
    log(f"wrote {output}")


if __name__ == "__main__":
    main()
