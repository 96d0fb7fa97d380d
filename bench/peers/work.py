"""What bench/peers.py measures with: the model with a longer table of positions, and token ids."""

import json
import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from safetensors.numpy import load_file, save_file

POSITIONS = 8192
OFFSET = {"bert": 0, "mpnet": 2}  # rows of the table before that of the first token
ENDS = {"bert": (101, 102), "mpnet": (0, 2)}  # what every text begins and ends with
BUDGET = 1e12  # FLOP of a measurement: a second of two quick cores in int8, so that start-up is little of it
CUT = 512  # tokens of a text of a corpus


@dataclass
class Workload:
    name: str
    path: Path
    texts: int
    tokens: int
    size: int  # texts in a batch of the peers
    by_length: bool = False


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def longer(real, folder):
    """A copy of the model `real` that takes 8192 tokens: its positions again and again. To texts that
    `real` takes it is the same model."""
    if folder.exists():
        return folder
    new = folder.with_name("new-" + folder.name)
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(real, new)
    config = read_json(real / "config.json")
    offset = OFFSET[config["model_type"]]
    weights = load_file(real / "model.safetensors")
    for name, values in weights.items():
        if name.endswith("position_embeddings.weight"):
            rows = [i if i < offset else offset + (i - offset) % (len(values) - offset)
                    for i in range(offset + POSITIONS)]
            weights[name] = values[rows]
    weights = {name: values for name, values in weights.items() if "position_ids" not in name}
    save_file(weights, new / "model.safetensors", {"format": "pt"})
    for name, changed in (("config.json", {"max_position_embeddings": offset + POSITIONS}),
                          ("sentence_bert_config.json", {"max_seq_length": POSITIONS})):
        text = json.dumps(read_json(real / name) | changed, indent=2)
        (new / name).write_text(text, encoding="utf-8")
    new.rename(folder)
    return folder


def flop(length, config):
    """Of one text of `length` tokens."""
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    weights = layers * (4 * hidden * hidden + 2 * hidden * config["intermediate_size"])
    return length * (2 * weights + 4 * length * hidden * layers)


def write_ids(path, texts):
    with open(path, "w", encoding="utf-8") as out:
        for number, ids in enumerate(texts):
            out.write(json.dumps({"id": str(number), "input_ids": ids}) + "\n")


def uniform(folder, ends, config, length, scale, threads):
    """Random words between the model's special tokens, in batches of 4096 tokens and 64 texts at most,
    as many batches for every thread."""
    size = max(1, min(64, 4096 // length))
    step = size * threads
    count = step * max(1, round(scale * BUDGET / flop(length, config) / step))
    generator = random.Random(length)
    first, last = ends
    texts = [[first, *(generator.randrange(1000, 30000) for _ in range(length - 2)), last]
             for _ in range(count)]
    path = folder / f"uniform-{length}.jsonl"
    write_ids(path, texts)
    return Workload(f"{length} tokens", path, count, count * length, size)


def corpus_ids(binary, model, corpus, folder):
    """The ids of every text of the corpus, shuffled, always the same way."""
    path = folder / f"{corpus.name}.ids.jsonl"
    if not path.exists():
        command = [binary, "tokenize", corpus, "-m", model, "--max-length", str(CUT), "-q"]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    with open(path, encoding="utf-8") as lines:
        texts = [json.loads(line)["input_ids"] for line in lines]
    random.Random(7).shuffle(texts)
    return texts


def mixed(folder, texts, config, scale):
    """One file, and the two ways in which peers take it."""
    left = scale * BUDGET
    count = 0
    while count < len(texts) and left > 0:
        left -= flop(len(texts[count]), config)
        count += 1
    path = folder / "mixed.jsonl"
    write_ids(path, texts[:count])
    tokens = sum(map(len, texts[:count]))
    return [Workload("corpus, sorted, by 64", path, count, tokens, 64, True),
            Workload("corpus, as it comes, by 32", path, count, tokens, 32)]


def closeness(folder, texts, count, limit):
    """`count` texts, cut at the limit that the real model gives itself."""
    path = folder / f"closeness-{count}.jsonl"
    last = texts[0][-1]
    chosen = [ids if len(ids) <= limit else [*ids[: limit - 1], last] for ids in texts[:count]]
    write_ids(path, chosen)
    return Workload("closeness", path, len(chosen), sum(map(len, chosen)), 32, True)


def calibration(folder, texts):
    """For engines that must see texts before they quantize: others than those measured."""
    write_ids(folder / "calibration.jsonl", texts[-128:])
