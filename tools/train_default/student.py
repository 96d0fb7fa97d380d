"""The transformer student: BERT's shape, started as an exact copy of the table, regressed to the teacher.

A BERT normalises every token's state, so the table's row lengths (its word weights) cannot survive as
lengths. They are kept as angles: a row becomes c*r in a content subspace plus a component along one
"null" direction that fills it up to unit length; LayerNorm then leaves it alone. Mean pooling adds
up content and null parts, and the dense head drops the null direction. Attention and feed-forward
outputs start at zero, so step 0 encodes as the table does and every step after is a correction.
"""
import math
import time

import numpy as np
import torch
import torch.nn.functional as F

import bag as bag_module
import losses
from bag import save
from table import agreement

POSITIONS = 512
CHUNK_TOKENS = 2048  # of one padded sub-batch


class Layer(torch.nn.Module):
    """One post-norm BERT block."""

    def __init__(self, hidden, heads, ffn):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.output = (
            torch.nn.Linear(hidden, hidden) for _ in range(4))
        self.up, self.down = torch.nn.Linear(hidden, ffn), torch.nn.Linear(ffn, hidden)
        self.norm1 = torch.nn.LayerNorm(hidden, eps=1e-12)
        self.norm2 = torch.nn.LayerNorm(hidden, eps=1e-12)
        for linear in (self.query, self.key, self.value, self.up):
            torch.nn.init.normal_(linear.weight, std=0.04)
            torch.nn.init.zeros_(linear.bias)
        for linear in (self.output, self.down):  # the block starts as the identity
            torch.nn.init.zeros_(linear.weight)
            torch.nn.init.zeros_(linear.bias)

    def forward(self, x, mask):
        batch, length, hidden = x.shape

        def split(y):
            return y.view(batch, length, self.heads, -1).transpose(1, 2)
        query, key, value = split(self.query(x)), split(self.key(x)), split(self.value(x))
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        mixed = mixed.transpose(1, 2).reshape(batch, length, hidden)
        x = self.norm1(x + self.output(mixed))
        return self.norm2(x + self.down(F.gelu(self.up(x))))


class Encoder(torch.nn.Module):
    """Token ids -> mean of states -> dense head. Id `vocab` is <s>, `vocab + 1` is <pad>."""

    def __init__(self, vocab, shape, seed):
        super().__init__()
        torch.manual_seed(seed)
        hidden = shape["hidden"]
        self.vocab = vocab
        self.words = torch.nn.Embedding(vocab + 2, hidden)
        self.positions = torch.nn.Embedding(POSITIONS, hidden)
        torch.nn.init.zeros_(self.positions.weight)
        self.norm = torch.nn.LayerNorm(hidden, eps=1e-12)
        self.layers = torch.nn.ModuleList(
            Layer(hidden, shape["heads"], shape["ffn"]) for _ in range(shape["layers"]))
        self.head = torch.nn.Linear(hidden, shape["dims"], bias=False)

    @torch.no_grad()
    def start_from(self, rows):
        """Copies the table's rows [V, D] as angles (see above); loses its last two dimensions."""
        hidden = self.words.weight.shape[1]
        basis = torch.linalg.qr(torch.cat(  # column 0 is the mean that LayerNorm removes
            [torch.ones(hidden, 1), torch.randn(hidden, hidden - 1)], dim=1))[0]
        null, content = basis[:, 1], basis[:, 2:]
        width = min(content.shape[1], rows.shape[1])
        content = content[:, :width]
        rows = rows[:, :width].clone()
        lengths = rows.norm(dim=1)
        rows[0] = 0
        rows *= 0.95 / torch.quantile(lengths[lengths > 0], 0.999)
        lengths = rows.norm(dim=1, keepdim=True)
        rows *= (0.95 / lengths.clamp(min=1e-9)).clamp(max=1.0)
        rest = (1 - (rows * rows).sum(1, keepdim=True)).sqrt()
        root = math.sqrt(hidden)
        self.words.weight[:self.vocab] = root * (rows @ content.T + rest * null)
        self.words.weight[self.vocab:] = root * null
        self.head.weight.zero_()
        self.head.weight[:width] = content.T / root

    def states(self, ids, lengths):
        """Pooled vectors of a padded batch [N, L] -> [N, D]."""
        place = torch.arange(ids.shape[1], device=ids.device)
        real = place.unsqueeze(0) < lengths.unsqueeze(1)
        mask = torch.zeros(real.shape, device=ids.device).masked_fill(~real, -1e9)[:, None, None, :]
        x = self.norm(self.words(ids) + self.positions(place))
        for layer in self.layers:
            x = layer(x, mask)
        x = (x * real.unsqueeze(2)).sum(1) / lengths.unsqueeze(1)
        return self.head(x)

    def forward(self, texts):
        """Vectors [N, D] of id arrays; sub-batches of like length, little padding."""
        device = self.head.weight.device
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        parts, start = [], 0
        while start < len(order):
            end = start + 1
            while end < len(order) and (end + 1 - start) * (len(texts[order[end]]) + 1) <= CHUNK_TOKENS:
                end += 1
            parts.append(self.states(*self.padded([texts[i] for i in order[start:end]], device)))
            start = end
        back = torch.empty(len(order), dtype=torch.int64)
        back[torch.tensor(order)] = torch.arange(len(order))
        return torch.cat(parts)[back.to(device)]

    def padded(self, texts, device):
        lengths = [min(len(t), POSITIONS - 1) + 1 for t in texts]
        ids = np.full((len(texts), max(lengths)), self.vocab + 1, dtype=np.int64)
        for i, text in enumerate(texts):
            ids[i, 0] = self.vocab
            ids[i, 1:lengths[i]] = text[:POSITIONS - 1]
        return torch.from_numpy(ids).to(device), torch.tensor(lengths, device=device)


def finished(state, trained):
    """Averaged weights ready to ship: positions never trained take the mean of the last trained."""
    table = state["positions.weight"]
    table[trained:] = table[trained - 32:trained].mean(0)
    return state


def optimizer_of(model, settings):
    """AdamW; the table and what starts at zero learn at rates of their own."""
    # What a block adds starts at zero, where Adam's steps of one size are noise at first.
    added = [p for layer in model.layers for p in (layer.output.weight, layer.down.weight)]
    tables = [model.words.weight]
    known = {id(p) for p in added + tables}
    decay = [p for n, p in model.named_parameters()
             if n.startswith("layers") and p.dim() == 2 and id(p) not in known]
    known |= {id(p) for p in decay}
    other = [p for p in model.parameters() if id(p) not in known]
    return torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.01, "factor": 1.0},
         {"params": added, "weight_decay": 0.01, "factor": settings["added_factor"]},
         {"params": other, "weight_decay": 0.0, "factor": settings["added_factor"]},
         {"params": tables, "weight_decay": 0.0, "factor": settings["table_factor"]}],
        lr=0.0, betas=(0.9, 0.98))


def train(rows, texts, targets, settings, checkpoint, device="cpu", log=print):
    """Trains or resumes; returns the state dict of the averaged encoder.

    `rows` [V, D] is the table to start from; `texts` are indexable id arrays; `targets` float16 [N, D]
    unit vectors. The first `held_out` texts are kept back.
    """
    model = Encoder(len(rows), settings["shape"], settings["seed"])
    model.start_from(rows)
    model.to(device)
    with torch.no_grad():  # vectors of unit length: Adam's steps are small beside such a head
        sample = [texts[i] for i in range(min(256, settings["held_out"]))]
        model.head.weight /= model(sample).norm(dim=1).median()
    optimizer = optimizer_of(model, settings)
    schedule = bag_module.Schedule(settings["steps"], settings["rate"], warmup=settings["warmup"])
    average = {k: v.clone() for k, v in model.state_dict().items()}
    step, started, tokens, seen = 0, time.time(), 0, None
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        average, step = state["average"], state["step"]
        log(f"student: resuming at step {step}")
    while step < settings["steps"]:
        if step % settings["report"] == 0:
            log(f"student: step {step} {time.time() - started:.0f}s {tokens} tokens loss {seen} "
                "cosine %.4f pairs %.4f" % held_out(model, average, texts, targets, settings))
        loss, count = one_step(model, texts, targets, settings, step, device)
        for group in optimizer.param_groups:
            group["lr"] = schedule(step) * group["factor"]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step, tokens = step + 1, tokens + count
        seen = float(loss.detach()) if seen is None else 0.98 * seen + 0.02 * float(loss.detach())
        kept = min(settings["averaging"], step / (step + 20.0))
        for name, value in model.state_dict().items():
            average[name].mul_(kept).add_(value, alpha=1 - kept)
        if step % settings["save"] == 0 or step == settings["steps"]:
            save(checkpoint, {"model": model.state_dict(), "optimizer": optimizer.state_dict(),
                              "average": average, "step": step, "settings": settings})
    log("student: done, cosine %.4f pairs %.4f" % held_out(model, average, texts, targets, settings))
    return average


def one_step(model, texts, targets, settings, step, device):
    """(loss, tokens) of the step's batch; the step's number alone decides what is drawn."""
    rng = np.random.default_rng((settings["seed"], 3, step))
    chosen = rng.integers(settings["held_out"], len(targets), settings["batch"])
    batch = [texts[i][:settings["limit"]] for i in chosen]
    wanted = torch.from_numpy(targets[chosen].astype(np.float32)).to(device)
    loss = losses.distillation(model(batch), wanted, step, settings["relational"])
    return loss, sum(map(len, batch))


@torch.no_grad()
def held_out(model, average, texts, targets, settings):
    """(mean cosine, correlation of pairwise cosines) of the averaged weights on texts kept back."""
    size = min(1000, settings["held_out"])
    current = {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(average)
    own = F.normalize(model([texts[i] for i in range(size)]), dim=1).cpu()
    model.load_state_dict(current)
    return agreement(own, torch.from_numpy(targets[:size].astype(np.float32)))
