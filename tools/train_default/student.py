"""The students: a table of rows, and a transformer that starts as one; and the loop that trains either.

A BERT normalises every token's state, so the table's row lengths (its word weights) cannot survive as
lengths. They are kept as angles: a row becomes c*r in a content subspace plus a component along one
"null" direction that fills it up to unit length; LayerNorm then leaves it alone. Mean pooling adds
up content and null parts, and the dense head drops the null direction. Attention and feed-forward
outputs start at zero, so step 0 encodes as the table does and every step after is a correction.

Both students read (ids [n, L], lengths [n]) parts of fixed shape (batches.py) and return their vectors
one after the other, [N, D], not normalised.
"""
import math
import time

import torch
import torch.nn.functional as F

import batches
import losses
from bag import save

POSITIONS = 512


class Static(torch.nn.Module):
    """The bag: a text is the sum of its pieces' rows.

    All rows are trained in units of their first length, so that a step turns a rare word's row as far as a
    common one's, and words weigh about what they did.
    """

    def __init__(self, rows):
        super().__init__()
        self.vocab = len(rows)
        self.register_buffer("lengths", rows.norm(dim=1, keepdim=True).clamp(min=1e-6))
        self.table = torch.nn.Parameter(rows / self.lengths)

    def rows(self):
        return self.lengths * self.table

    def forward(self, parts):
        rows = F.pad(self.rows(), (0, 0, 0, 2))  # <s> and <pad> weigh nothing
        return torch.cat([F.embedding(ids, rows).sum(1) for ids, _ in parts])


def attention(query, key, value, mask):
    """[n, heads, L, d] each, and which keys there are, [n, 1, 1, L]."""
    if query.is_cuda:
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    # On a CPU, PyTorch's own takes more than twice as long for texts this short.
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    return torch.softmax(scores.masked_fill(~mask, -math.inf), -1, dtype=scores.dtype) @ value


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

    def forward(self, x, shapes, masks):
        """States [T, H] of parts laid end to end; `shapes` are the parts' (n, L)."""
        weight = torch.cat([part.weight for part in (self.query, self.key, self.value)])
        bias = torch.cat([part.bias for part in (self.query, self.key, self.value)])
        mixed = []
        all_three = F.linear(x, weight, bias).split([count * length for count, length in shapes])
        for part, (count, length), mask in zip(all_three, shapes, masks):
            query, key, value = part.view(count, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
            out = attention(query, key, value, mask)
            mixed.append(out.transpose(1, 2).reshape(count * length, -1))
        x = self.norm1(x + self.output(torch.cat(mixed)))
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

    def forward(self, parts):
        shapes = [tuple(ids.shape) for ids, _ in parts]
        masks = [(torch.arange(ids.shape[1], device=ids.device) < lengths[:, None])[:, None, None, :]
                 for ids, lengths in parts]
        places = torch.cat([self.positions.weight[:length].expand(count, length, -1).flatten(0, 1)
                            for count, length in shapes])
        x = self.norm(self.words(torch.cat([ids.flatten() for ids, _ in parts])) + places)
        for layer in self.layers:
            x = layer(x, shapes, masks)
        pooled = []
        for states, mask, (ids, lengths) in zip(x.split([count * length for count, length in shapes]), masks,
                                                parts):
            states = states.view(*ids.shape, -1).float()
            pooled.append((states * mask[:, 0, 0, :, None]).sum(1) / lengths[:, None])
        return self.head(torch.cat(pooled))


@torch.no_grad()
def rotation(rows, texts, targets):
    """[D, dims]: turns a table's rows [V, D] as near to the targets as a rotation can."""
    wanted = torch.tensor(targets).float()
    own = vectors_of(Static(rows), texts)
    left, _, right = torch.linalg.svd(own.T @ wanted, full_matrices=False)
    return left @ right


@torch.no_grad()
def blended(start, rows, share):
    """`share` of the table that training began with and the rest of what it made; lengths alike."""
    start, rows = (part / part.norm(dim=1).median() for part in (start, rows))
    return share * start + (1 - share) * rows


@torch.no_grad()
def scaled(model, texts):
    """The encoder with a head that gives vectors of about unit length."""
    sizes = torch.cat([model(parts).norm(dim=1) for _, parts in batches.exact(texts, model.vocab, "cpu")])
    model.head.weight /= sizes.median()
    return model


def finished(state, trained):
    """Averaged weights ready to ship: positions never trained take the mean of the last trained."""
    table = state["positions.weight"]
    table[trained:] = table[trained - 32:trained].mean(0)
    return state


def optimizer_of(model, settings):
    """AdamW; weight decay on matrices of layers alone, and a rate of its own for all but the table.

    Every input of a matrix adds to an output: a step that a row of the table hardly notices turns states over.
    """
    share = settings["layer_rate"]
    groups = {"table": {"params": [], "weight_decay": 0.0, "share": 1.0},
              "matrices": {"params": [], "weight_decay": settings["decay"], "share": share},
              "rest": {"params": [], "weight_decay": 0.0, "share": share}}
    for name, value in model.named_parameters():
        if name in ("table", "words.weight"):
            kind = "table"
        else:
            kind = "matrices" if value.ndim == 2 and name.startswith("layers") else "rest"
        groups[kind]["params"].append(value)
    return torch.optim.AdamW([group for group in groups.values() if group["params"]], lr=0.0, betas=(0.9, 0.99),
                             fused=settings["device"] == "cuda")


def rate_at(settings, step, done):
    """Linear warm-up, then linearly to zero; `done` is the share of the run that is over."""
    return settings["rate"] * min((step + 1) / settings["warmup"], 1 - done)


def train(model, sampler, texts, targets, settings, checkpoint, log=print):
    """Trains, resuming from `checkpoint` where it exists; returns the averaged weights and the steps made.

    `targets`: float16 [N, D] on the device. A run ends after `steps`, or early after `seconds`; the rate
    falls to zero by whichever comes first.
    """
    device = settings["device"]
    model = model.to(device)
    optimizer = optimizer_of(model, settings)
    average = {name: value.detach().clone() for name, value in model.state_dict().items()}
    step, before, started = 0, 0.0, time.time()
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        average, step, before = state["average"], state["step"], state["elapsed"]
        log(f"student: resuming at step {step}")
    run = torch.compile(model, dynamic=False) if settings["compile"] else model
    saved, reported, done = time.time(), 0.0, 0.0
    while done < 1:
        elapsed = before + time.time() - started
        done = min(1.0, max(step / settings["steps"], elapsed / settings["seconds"]))
        if done >= 1 or step % 100 == 0 and time.time() - saved > settings["save"]:
            saved = time.time()
            save(checkpoint, {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step,
                              "average": average, "elapsed": elapsed, "settings": settings})
        if done >= 1 or step % 100 == 0 and time.time() - reported > settings["report"]:
            reported = time.time()
            log(f"student: step {step} {elapsed:.0f}s " + report(model, average, texts, targets, settings))
        if done < 1:
            one_step(model, run, optimizer, sampler, targets, settings, step, done)
            step += 1
            follow(average, model, min(settings["averaging"], step / (step + 20.0)))
    return average, step


def one_step(model, run, optimizer, sampler, targets, settings, step, done):
    rows, parts = sampler.draw(step)
    with torch.autocast(settings["device"], torch.bfloat16, enabled=settings["bf16"]):
        vectors = run(parts)
    loss = losses.distillation(vectors.float(), targets[rows].float(), rows[:, None] == rows[None, :], step,
                               settings["weights"])
    for group in optimizer.param_groups:
        group["lr"] = group["share"] * rate_at(settings, step, done)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if step % 20 == 0 and settings["device"] == "cuda":
        torch.cuda.synchronize()  # so that the clock tells what has been done


@torch.no_grad()
def follow(average, model, kept):
    """Moves the averaged weights a step towards the model's."""
    current = model.state_dict()
    names = list(average)
    torch._foreach_lerp_([average[name] for name in names], [current[name] for name in names], 1 - kept)


@torch.no_grad()
def vectors_of(model, texts, longest=POSITIONS):
    """Vectors [N, D], L2-normalised float32 on the CPU, of tokens.Texts."""
    device, out = next(model.parameters()).device, None
    for rows, parts in batches.exact(texts, model.vocab, device, longest):
        made = F.normalize(model(parts).float(), dim=1).cpu()
        out = torch.empty(len(texts), made.shape[1]) if out is None else out
        out[torch.from_numpy(rows)] = made
    return out


@torch.no_grad()
def report(model, average, texts, targets, settings):
    """Mean cosine and correlation of pairwise cosines of the averaged weights on texts kept back."""
    size = min(1000, settings["held_out"])
    current = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(average)
    own = vectors_of(model, texts.first(size))
    model.load_state_dict(current)
    return "cosine %.4f pairs %.4f" % losses.agreement(own, targets[:size].float().cpu())
