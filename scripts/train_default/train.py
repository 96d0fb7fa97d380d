#!/usr/bin/python3
"""Trains the default models from scratch, or goes on from where a run stopped. One command:

    scripts/train_default/train.py            # everything: tokenizer, bag, formats/builtin/builtin-fast
    scripts/train_default/train.py --steps 300 --output /tmp/try     # a smoke test in a minute

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
from corpus import Corpus  # noqa: E402

REPO = Path(__file__).resolve().parents[2]
VOCABULARY = 11400  # as many pieces as fit 4 MB with both tokenizer files


def log(text):
    print(datetime.datetime.now().strftime("%H:%M:%S"), text, flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=sources.default_data())
    parser.add_argument("--state", type=Path, default=REPO / "build/train_default")
    parser.add_argument("--output", type=Path, default=REPO / "formats/builtin/builtin-fast")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--limit", type=int, default=128, help="longest side of a pair, in tokens")
    parser.add_argument("--temperature", type=float, default=0.06)
    parser.add_argument("--rate", type=float, default=0.003)
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
    settings = {"seed": args.seed, "steps": args.steps, "batch": args.batch, "limit": args.limit,
                "temperature": args.temperature, "rate": args.rate, "scale_factor": 1.0}
    rows = bag.train(corpus, dict(settings, report=500), args.state / "bag.pt", args.device, log)
    package.package_bag(rows.cpu().numpy(), model_file, args.output, settings)
    log(f"wrote {args.output}")


if __name__ == "__main__":
    main()
