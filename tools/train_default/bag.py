"""The bag: one trained vector per piece, a text is their mean. Contrastive, Matryoshka, CPU or GPU.

A piece's row is exp(s[t]) * e[t]: a scalar weight that starts at the smooth inverse frequency
a / (a + p) and a direction that starts at random. Random directions keep different words apart, so
an untrained bag is already a fair lexical matcher; training adds what co-occurring texts teach.
"""
import math
import time
import zlib

import numpy as np
import torch
import torch.nn.functional as F

import corpus as corpus_module

PREFIXES = (256, 128, 64)  # Matryoshka: a vector's first dimensions are a vector of their own
# Share of steps per source. Tuned on held-out pairs only.
MIXTURE = {
    "arxiv": 0.20, "titles": 0.05, "crop_query": 0.16, "crop_peer": 0.08, "crop_same": 0.10,
    "wn_lemma_def": 0.12, "wn_def_example": 0.07, "wn_synonym": 0.06, "wikisplit": 0.05,
    "qa": 0.05, "bitext": 0.05, "cjk": 0.01,
}


def nested(dims, step):
    """(width, weight) of a step's losses: the full width, and one of the prefixes in turn."""
    prefixes = [width for width in PREFIXES if width < dims]
    return ((dims, 1.0), (prefixes[step % len(prefixes)], 0.5))


class Bag(torch.nn.Module):
    """Token table [V, D] with a scalar weight per token."""

    def __init__(self, counts, seed, dims, smoothing=1e-3):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        frequency = torch.as_tensor(counts, dtype=torch.float64) / max(int(counts.sum()), 1)
        self.scale = torch.nn.Parameter(torch.log(smoothing / (smoothing + frequency)).float())
        table = torch.randn(len(counts), dims, generator=generator) / math.sqrt(dims)
        self.table = torch.nn.Parameter(table)

    def rows(self):
        """Effective vectors [V, D], what a text's mean is taken over."""
        return self.scale.exp().unsqueeze(1) * self.table

    def forward(self, ids, offsets):
        """Sums per text [N, D]; `offsets` are the texts' starts in `ids`."""
        return F.embedding_bag(ids, self.table, offsets, mode="sum",
                               per_sample_weights=self.scale.exp()[ids])


def flatten(texts, device):
    """Id arrays as one tensor with the starts of each."""
    starts = np.zeros(len(texts), dtype=np.int64)
    np.cumsum([len(t) for t in texts[:-1]], out=starts[1:])
    ids = torch.from_numpy(np.concatenate(texts).astype(np.int64))
    return ids.to(device), torch.from_numpy(starts).to(device)


def keys_of(texts, device):
    """A number per text, equal for equal texts."""
    return torch.tensor([zlib.crc32(t.tobytes()) for t in texts], device=device)


def clashes(keys):
    """[N, N] True where two different rows carry the same text: no negatives of each other."""
    return (keys.unsqueeze(1) == keys.unsqueeze(0)).fill_diagonal_(False)


def one_way(left, right, temperature, blocked):
    """Row i of `left` must find row i of `right` among all rows of `right`."""
    logits = F.normalize(left, dim=1) @ F.normalize(right, dim=1).T / temperature
    logits = logits.masked_fill(blocked, -1e4)
    return F.cross_entropy(logits, torch.arange(len(left), device=left.device))


def contrastive(left, right, temperature, keys, widths):
    """Symmetric InfoNCE, summed over Matryoshka `widths`: (width, weight).

    `keys` are the texts' numbers (left, right).
    """
    # A pair's other half may come back through either side's repeated text.
    blocked = clashes(keys[0]) | clashes(keys[1])
    loss = 0.0
    for width, weight in widths:
        loss = loss + weight * (
            one_way(left[:, :width], right[:, :width], temperature, blocked)
            + one_way(right[:, :width], left[:, :width], temperature, blocked))
    return loss / (2 * sum(weight for _, weight in widths))


@torch.no_grad()
def held_out(encode, corpus, mixture, limit, size=500):
    """Mean reciprocal rank per source on pairs kept out of training."""
    out = {}
    for source in sorted(mixture):
        rng = np.random.default_rng(11)
        left, right = corpus_module.draw(corpus, source, size, rng, limit, held_out=True)
        scores = F.normalize(encode(left), dim=1) @ F.normalize(encode(right), dim=1).T
        rank = (scores > scores.diagonal().unsqueeze(1)).sum(1) + 1
        out[source] = float((1.0 / rank.float()).mean())
    return out


class Schedule:
    """Linear warm-up, then a cosine down to a twentieth."""

    def __init__(self, steps, peak, warmup=200):
        self.steps, self.peak, self.warmup = steps, peak, warmup

    def __call__(self, step):
        if step < self.warmup:
            return self.peak * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.peak * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


def train(corpus, settings, checkpoint, device="cpu", log=print):
    """Trains, resuming from `checkpoint` where it exists; returns averaged rows [V, D]."""
    torch.manual_seed(settings["seed"])
    model = Bag(corpus.counts, settings["seed"], settings["dims"]).to(device)
    optimizer = torch.optim.Adam(
        [{"params": [model.table]}, {"params": [model.scale], "factor": settings["scale_factor"]}],
        lr=0.0, betas=(0.9, 0.99), eps=1e-8)
    schedule = Schedule(settings["steps"], settings["rate"])
    average, averaged, step = torch.zeros_like(model.table), 0, 0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        average, averaged, step = state["average"], state["averaged"], state["step"]
    mixture = settings.get("mixture", MIXTURE)
    names = sorted(mixture)
    shares = np.array([mixture[name] for name in names])
    started, seen = time.time(), 0.0
    while step < settings["steps"]:
        rng = np.random.default_rng((settings["seed"], step))  # a resumed run sees the same batches
        source = names[rng.choice(len(names), p=shares / shares.sum())]
        left, right = corpus_module.draw(corpus, source, settings["batch"], rng, settings["limit"])
        a, b = model(*flatten(left, device)), model(*flatten(right, device))
        keys = keys_of(left, device), keys_of(right, device)
        loss = contrastive(a, b, settings["temperature"], keys, nested(settings["dims"], step))
        for group in optimizer.param_groups:
            group["lr"] = schedule(step) * group.get("factor", 1.0)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        step += 1
        seen = 0.98 * seen + 0.02 * float(loss.detach())
        if step > 0.8 * settings["steps"] and step % 10 == 0:
            averaged += 1
            average += (model.rows().detach() - average) / averaged
        if step % settings["report"] == 0 or step == settings["steps"]:
            scores = held_out(lambda texts: model(*flatten(texts, device)), corpus, mixture,
                              settings["limit"])
            figures = " ".join(f"{name}={value:.3f}" for name, value in scores.items())
            log(f"step {step} {time.time() - started:.0f}s loss {seen:.3f} "
                f"mrr {np.mean(list(scores.values())):.4f} {figures}")
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(),
                     "average": average, "averaged": averaged, "step": step}
            save(checkpoint, state)
    return average if averaged else model.rows().detach()


def save(checkpoint, state):
    """Writes a checkpoint whole or not at all."""
    torch.save(state, checkpoint.with_suffix(".tmp"))
    checkpoint.with_suffix(".tmp").rename(checkpoint)
