"""Measures for bench/peers.py, and the tables of what was measured."""

import statistics
import sys

import numpy as np
from contenders import PATIENCE, PRECISIONS, Failed


def measure(contenders, workload, rounds, skipped):
    """{precision: {name: [seconds]}}. A peer that takes longer than PATIENCE and more than twice as
    long as the best one of its precision is out of the contest, and is measured once."""
    seconds = {precision: {} for precision in PRECISIONS}
    waiting = list(contenders)
    for number in range(rounds):
        for contender in list(waiting):
            try:
                taken = contender.measure(workload)
            except Failed as reason:
                skipped.append(f"{contender.name} {contender.precision}, {workload.name}: {reason}")
                waiting.remove(contender)
                continue
            seconds[contender.precision].setdefault(contender.name, []).append(taken)
        print(f"{workload.name}: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        if number == 0:
            waiting = [c for c in waiting if c.name == "embedtool" or in_contest(c, seconds)]
    return seconds


def in_contest(contender, seconds):
    peers = {n: s[0] for n, s in seconds[contender.precision].items() if n != "embedtool"}
    return peers[contender.name] <= max(PATIENCE, 2 * min(peers.values()))


def speed_heading(model, names):
    """Of a table in Markdown: real tokens a second, of medians."""
    print(f"\n## Speed, {model}, tokens/s\n")
    print(f"| texts | precision | embedtool | {' | '.join(names)} | embedtool ÷ best peer |")
    print("|---|---|" + "---:|" * (len(names) + 2), flush=True)


def speed_rows(names, cell):
    """The table's rows of a workload, one for every precision."""
    for precision, seconds in cell["seconds"].items():
        rates = {n: cell["tokens"] / statistics.median(s) for n, s in seconds.items()}
        columns = [written(rates, seconds, name) for name in ("embedtool", *names)]
        print(f"| {cell['workload']} | {precision} | {' | '.join(columns)} | {ratio(rates)} |", flush=True)


def written(rates, seconds, name):
    if name not in rates:
        return "–"
    once = len(seconds[name]) < len(seconds.get("embedtool", ()))
    return f"{rates[name]:.0f}" + (" (once)" if once else "")


def ratio(rates):
    peers = {name: rate for name, rate in rates.items() if name != "embedtool"}
    if not peers or "embedtool" not in rates:
        return "–"
    best = max(peers, key=peers.get)
    return f"{rates['embedtool'] / peers[best]:.2f} ({best})"


def distances(rows, truth):
    """How far unit rows are from the truth's."""
    cosines = np.einsum("ij,ij->i", rows, truth)
    cosines /= np.linalg.norm(rows, axis=1) * np.linalg.norm(truth, axis=1)
    return {"mean_cosine": float(cosines.mean()), "worst_cosine": float(cosines.min()),
            "largest_difference": float(np.abs(rows - truth).max())}


def compare(contenders, truth, workload, folder, skipped):
    """What every contender makes of the workload, beside the truth."""
    vectors = folder / "vectors.npy"
    results = []
    for contender in contenders:
        try:
            contender.measure(workload, vectors)
        except Failed as reason:
            skipped.append(f"{contender.name} {contender.precision}, {workload.name}: {reason}")
            continue
        results.append({"name": contender.name, "precision": contender.precision,
                        **distances(np.load(vectors).astype(np.float64), truth)})
    vectors.unlink(missing_ok=True)
    return results


def closeness_table(model, workload, results):
    print(f"\n## Closeness, {model}: {workload.texts} texts, {workload.tokens} tokens\n")
    print("| precision | engine | mean cosine | worst cosine | largest difference |")
    print("|---|---|---:|---:|---:|")
    for result in results:
        print(f"| {result['precision']} | {result['name']} | {result['mean_cosine']:.7f} "
              f"| {result['worst_cosine']:.7f} | {result['largest_difference']:.1e} |")
