"""Compares `encode` and `search` with PyLate: compare.py BINARY MODEL TEXTS FOLDER"""
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from pylate import models, scores

K = 10
VECTORS = 2e-6  # largest difference of an element
SCORES = 2e-5  # of a score, which is a sum over a query's tokens


def write_texts(path, texts):
    lines = (json.dumps({"id": str(i), "text": text}) + "\n" for i, text in enumerate(texts))
    path.write_text("".join(lines), encoding="utf-8")


def lines_of(command):
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def max_sim(queries, documents):
    """Scores by PyLate's own function, queries x documents."""
    padded = torch.nn.utils.rnn.pad_sequence([torch.tensor(d) for d in documents], batch_first=True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones(len(d)) for d in documents], batch_first=True)
    rows = [scores.colbert_scores(torch.tensor(q)[None], padded, documents_mask=mask)[0] for q in queries]
    return torch.stack(rows).numpy()


def main():
    binary, model, texts, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
    folder.mkdir()
    random.seed(5)
    words = [json.loads(line)["text"].split() for line in texts.read_text(encoding="utf-8").splitlines()]
    documents = [" ".join(random.choice(words)[: random.randint(1, 60)]) for _ in range(500)]
    queries = [" ".join(random.choice(words)[: random.randint(1, 20)]) for _ in range(60)]
    write_texts(folder / "documents.jsonl", documents)
    write_texts(folder / "queries.jsonl", queries)
    subprocess.run([binary, "encode", "-q", folder / "documents.jsonl", "-m", model, "-o", folder / "out"],
                   check=True)
    ours = [np.array(row["embedding"], dtype=np.float32) for row in
            lines_of([binary, "export", folder / "out", "--to", "jsonl", "-o", "-"])]
    found = lines_of([binary, "search", folder / "out", "--queries", folder / "queries.jsonl", "-m", model,
                      "-k", str(K), "--json", "-q"])

    # As PyLate's default, weights would compute in the precision they are stored in.
    theirs = models.ColBERT(model, device="cpu", model_kwargs={"dtype": torch.float32})
    options = {"batch_size": 32, "show_progress_bar": False, "convert_to_numpy": True}
    encoded = theirs.encode(documents, is_query=False, **options)
    assert [a.shape for a in ours] == [b.shape for b in encoded], "other tokens have vectors"
    apart = max(np.abs(a - b).max() for a, b in zip(ours, encoded))
    assert apart < VECTORS, f"vectors differ by {apart}"

    wanted = max_sim(theirs.encode(queries, is_query=True, **options), encoded)
    assert len(found) == len(queries) * K
    apart = 0.0
    for number, score in enumerate(wanted):
        rows = found[number * K: (number + 1) * K]
        best = np.sort(score)[::-1][:K]
        # Ranks may change places where scores are as good as equal.
        apart = max(apart, *(abs(row["score"] - score[int(row["id"])]) for row in rows),
                    *(abs(row["score"] - value) for row, value in zip(rows, best)))
    assert apart < SCORES, f"scores differ by {apart}"
    print(f"{model}: {len(queries)} queries x {len(documents)} documents: the same ten, "
          f"scores of up to {wanted.max():.1f} within {apart:.1e}")


main()
