"""The static student: a bag of rows, regressed to the teacher's vectors. CPU, minutes.

It starts from rows that the contrastive recipe trained (bag.py), turned into the teacher's axes by
the best rotation, so that nothing is lost before the first step.
"""
import time

import numpy as np
import torch
import torch.nn.functional as F

import bag
import losses


def means(rows, texts):
    """Unit vectors [N, D] of id arrays under `rows` [V, D]."""
    ids, starts = bag.flatten(texts, rows.device)
    return F.normalize(F.embedding_bag(ids, rows, starts, mode="sum"), dim=1)


def rotated(rows, texts, targets):
    """`rows` turned so that the texts' vectors come as near to `targets` as a rotation allows."""
    own = means(rows, texts)
    left, _, right = torch.linalg.svd(own.T @ targets, full_matrices=False)
    return rows @ (left @ right)


def held_out(rows, texts, targets):
    """(mean cosine to the teacher, correlation of the pairwise cosines) on texts kept back."""
    own = means(rows, texts)
    return agreement(own, targets)


def agreement(own, targets):
    """Mean cosine of unit rows, and the correlation of their pairwise cosines with the teacher's."""
    above = torch.triu_indices(len(own), len(own), 1)
    pairs = torch.stack([(x @ x.T)[above[0], above[1]] for x in (own, targets)])
    return float((own * targets).sum(1).mean()), float(torch.corrcoef(pairs)[0, 1])


def train(rows, texts, targets, settings, checkpoint, pairs=None, log=print):
    """Regresses `rows` [V, D]; returns the mean of the last fifth of the steps.

    `texts`: indexable id arrays; `targets`: unit vectors, float16 [N, D], row i for text i.
    `pairs(step)`: (left, right) id arrays for a contrastive term that keeps retrieval, or none.
    """
    kept = settings["held_out"]
    test = [texts[i] for i in range(kept)], torch.from_numpy(targets[:kept].astype(np.float32))
    sample = range(kept, min(len(targets), kept + 20000))
    start = torch.from_numpy(targets[sample.start:sample.stop].astype(np.float32))
    table = torch.nn.Parameter(rotated(rows, [texts[i] for i in sample], start))
    optimizer = torch.optim.Adam([table], lr=0.0, betas=(0.9, 0.99))
    schedule = bag.Schedule(settings["steps"], settings["rate"], warmup=50)
    average, averaged, step, started = torch.zeros_like(table), 0, 0, time.time()
    if checkpoint.exists():
        state = torch.load(checkpoint)
        table.data, average = state["table"], state["average"]
        averaged, step = state["averaged"], state["step"]
        optimizer.load_state_dict(state["optimizer"])
    while step < settings["steps"]:
        if step % settings["report"] == 0:
            log(f"table: step {step} {time.time() - started:.0f}s cosine %.4f pairs %.4f"
                % held_out(table.detach(), *test))
        rng = np.random.default_rng((settings["seed"], 2, step))
        chosen = rng.integers(kept, len(targets), settings["batch"])
        wanted = torch.from_numpy(targets[chosen].astype(np.float32))
        loss = losses.distillation(means(table, [texts[i] for i in chosen]), wanted, step,
                                   settings["relational"])
        if pairs is not None:
            left, right = pairs(step)
            loss = loss + settings["contrastive"] * bag.contrastive(
                means(table, left), means(table, right), settings["temperature"],
                (bag.keys_of(left, "cpu"), bag.keys_of(right, "cpu")),
                bag.nested(table.shape[1], step))
        optimizer.param_groups[0]["lr"] = schedule(step)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        step += 1
        if step > 0.8 * settings["steps"] and step % 5 == 0:
            averaged += 1
            average += (table.detach() - average) / averaged
        if step % settings["report"] == 0 or step == settings["steps"]:
            save(checkpoint, {"table": table.data, "optimizer": optimizer.state_dict(),
                              "average": average, "averaged": averaged, "step": step})
    log("table: done, cosine %.4f pairs %.4f" % held_out(average, *test))
    return average


def save(checkpoint, state):
    """Writes a checkpoint whole or not at all."""
    torch.save(state, checkpoint.with_suffix(".tmp"))
    checkpoint.with_suffix(".tmp").rename(checkpoint)
