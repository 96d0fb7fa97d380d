#!/usr/bin/env python3
"""embedtool beside other engines: how fast, and how close to the truth, in one run on the same ids.

usage: bench/peers.py EMBEDTOOL WORK [--venv DIR] [--real DIR] [--corpus FILE] [--rounds N] …

WORK keeps models, what engines convert them to, and ids; a second run finds them there. The peers
run in a Python environment: the one given, or one made in WORK from bench/peers/requirements.txt.
What is not installed there is left out, and named. Models are real ones, copied to take 8192 tokens
by repeating their positions; up to 512 tokens, they are the same models.

Speed: texts of one length, and a corpus in padded batches, sorted by length (the best for peers) and
as it comes (what is usually done). Every round measures all engines in turn; real tokens are counted,
padding is not. embedtool is measured as a whole process from the file of ids to shards on disk,
start included; peers from ids in memory to vectors in memory, loaded and warm, each in the quicker of
two ways: all threads on one batch, or a batch for every thread. Medians over the rounds; a slow peer
that is more than twice as slow as the best one of its precision is measured once, and marked.

Closeness: cosines and differences to float64 (transformers, one text at a time without padding).
"""

import argparse
import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from e2e import ROOT, SHARED, machine

HERE = Path(__file__).resolve().parent / "peers"
sys.path.insert(0, str(HERE))


def make_environment(venv):
    """One requirement after another, so that one that cannot be had leaves out its engine alone."""
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    for line in (HERE / "requirements.txt").read_text(encoding="utf-8").splitlines():
        words = ["-r", HERE / line.split()[1]] if line.startswith("-r ") else [line]
        if subprocess.run([venv / "bin/pip", "install", "-q", *words]).returncode:
            print(f"cannot install {line}", file=sys.stderr)


def enter(venv):
    """Goes on in the environment's Python."""
    python = venv / "bin/python"
    if not python.exists():
        make_environment(venv)
    if Path(sys.prefix).resolve() != venv.resolve():
        os.execv(python, [str(python), *sys.argv])


def versions(options, names):
    from engines import ENGINES

    lines = subprocess.run([options.embedtool, "--version"], check=True, capture_output=True, text=True)
    found = {"embedtool": lines.stdout.splitlines()[0].split()[-1]}
    for package in ("torch", "transformers", *(ENGINES[name].package for name in names)):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


def real_model(options, name):
    folder = options.real or options.work / "real"
    if not (folder / name).exists():
        subprocess.run([sys.executable, ROOT / "tests/interop/real/models.py", folder], check=True)
    return folder / name


def truth_of(model, workload, folder, threads):
    import numpy
    from contenders import Peer

    path = folder / f"{workload.path.stem}.truth.npy"
    if not path.exists():
        peer = Peer("sentence-transformers", "f64", model, folder, threads)
        workload.size, size = 1, workload.size
        peer.measure(workload, path)
        workload.size = size
        peer.close()
    return numpy.load(path)


def run_model(options, name, results):
    """Measures and prints one model's tables."""
    import figures
    import work
    from contenders import start

    real = real_model(options, name)
    folder = options.work / name
    folder.mkdir(parents=True, exist_ok=True)
    model = work.longer(real, folder / "model")
    config = work.read_json(real / "config.json")
    skipped, compared, workloads = [], [], []
    print(f"{name}: positions beyond the model's own {config['max_position_embeddings']} repeat these")
    ends = work.ENDS[config["model_type"]]
    for length in map(int, options.lengths.split(",")):
        workloads.append(work.uniform(folder, ends, config, length, options.scale, options.threads))
    close = truth = None
    if options.corpus.exists():
        texts = work.corpus_ids(options.embedtool, real, options.corpus, folder)
        work.calibration(folder, texts)
        workloads += work.mixed(folder, texts, config, options.scale)
        limit = work.read_json(real / "sentence_bert_config.json")["max_seq_length"]
        close = work.closeness(folder, texts, options.texts, limit)
        truth = truth_of(model, close, folder, options.threads)
    else:
        skipped.append(f"closeness and mixed lengths: no {options.corpus}")

    contenders = start(options, model, folder, skipped)
    if close:
        compared = figures.compare(contenders, truth, close, folder, skipped)
    names, cells = options.engines.split(","), []
    figures.speed_heading(name, names)
    for w in workloads:
        cells.append({"workload": w.name, "texts": w.texts, "tokens": w.tokens,
                      "seconds": figures.measure(contenders, w, options.rounds, skipped)})
        figures.speed_rows(names, cells[-1])
    for contender in contenders:
        contender.close()
    if close:
        figures.closeness_table(name, close, compared)
    print("\nLeft out:\n" + "".join(f"- {line}\n" for line in skipped), flush=True)
    results["models"].append({"model": name, "speed": cells, "closeness": compared, "left_out": skipped})


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("embedtool", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--venv", type=Path, help="the peers' Python environment [WORK/venv]")
    parser.add_argument("--real", type=Path, help="folder with the real models [made in WORK]")
    parser.add_argument("--corpus", type=Path, default=SHARED / "data/corpora/bench_mixed.jsonl.zst")
    parser.add_argument("--models", default="all-MiniLM-L6-v2", help="and all-mpnet-base-v2")
    parser.add_argument("--lengths", default="16,128,512,2048,8192")
    parser.add_argument("--engines", default="sentence-transformers,ONNX Runtime,OpenVINO,CTranslate2,"
                                             "llama.cpp")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--texts", type=int, default=1024, help="of which closeness is taken")
    parser.add_argument("--scale", type=float, default=1, help="work of a measurement, times this")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--output", type=Path, help="raw figures, JSON")
    options = parser.parse_args()
    options.venv = options.venv or options.work / "venv"
    return options


def main():
    options = parse()
    options.work.mkdir(parents=True, exist_ok=True)
    enter(options.venv)
    names = options.engines.split(",")
    results = {"machine": machine(), "versions": versions(options, names), "threads": options.threads,
               "rounds": options.rounds, "models": []}
    print(f"{results['machine']['cpu']}, {options.threads} threads, {options.rounds} rounds")
    print(", ".join(f"{name} {found}" for name, found in results["versions"].items()))
    print("embedtool: whole processes, start and writing included; peers: loaded and warm, in memory.")
    for name in options.models.split(","):
        run_model(options, name, results)
    if options.output:
        options.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
