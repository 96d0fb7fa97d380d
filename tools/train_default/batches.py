"""Batches of fixed shape, drawn on the device: texts by length, half of them from a few clusters.

A random batch holds few texts that have to do with each other, so the neighbours' term would have
nothing to order. The texts are therefore clustered by the teacher's vectors once, and half of a batch
comes from a few clusters drawn anew for each step.
"""
import numpy as np
import torch

# (texts, longest in tokens with <s>) of one step's sub-batches; the last takes longer texts, cut.
BUCKETS = ((1024, 10), (1024, 16), (1024, 23), (1024, 32), (320, 48), (320, 80), (128, 128), (128, 256))
CLUSTERS, NEAR = 2048, 32  # clusters in all, and in one step


@torch.no_grad()
def clusters(targets, count, seed, device, rounds=8, sample=300000):
    """int64 [N] on `device`: the number of each row's cluster, by spherical k-means."""
    rng = np.random.default_rng((seed, 5))
    rows = rng.permutation(len(targets))[:sample]
    some = torch.from_numpy(targets[np.sort(rows)]).to(device).float()
    centres = some[torch.from_numpy(rng.permutation(len(some))[:count]).to(device)]
    for _ in range(rounds):
        nearest = assign(some, centres)
        sums = torch.zeros_like(centres).index_add_(0, nearest, some)
        size = sums.norm(dim=1, keepdim=True)
        centres = torch.where(size > 0, sums / size.clamp(min=1e-6), centres)
    return torch.cat([assign(torch.from_numpy(targets[i:i + 100000]).to(device).float(), centres)
                      for i in range(0, len(targets), 100000)])


def assign(rows, centres):
    return torch.cat([(part @ centres.T).argmax(1) for part in rows.split(32768)])


class Sampler:
    """Draws the texts of a step: their rows [N], and padded ids [n, L] and lengths [n] a bucket."""

    def __init__(self, texts, numbers, held_out, vocab, seed, device, buckets=BUCKETS):
        """`texts`: tokens.Texts; `numbers`: clusters [N]; the first `held_out` texts are never drawn."""
        self.device, self.seed, self.vocab, self.buckets = device, seed, vocab, buckets
        self.flat = torch.from_numpy(texts.flat.astype(np.int32)).to(device)
        self.offsets = torch.from_numpy(texts.offsets).to(device)
        self.lengths = torch.diff(self.offsets)
        self.count = int(numbers.max()) + 1
        self.members, self.starts, self.sizes = [], [], []
        low = 0
        for i, (_, longest) in enumerate(buckets):
            high = longest - 1 if i + 1 < len(buckets) else 1 << 30
            chosen = torch.nonzero((self.lengths > low) & (self.lengths <= high)).squeeze(1)
            chosen = chosen[chosen >= held_out]
            own = numbers[chosen]
            order = torch.argsort(own, stable=True)
            sizes = torch.bincount(own, minlength=self.count)
            self.members.append(chosen[order])
            self.sizes.append(sizes)
            self.starts.append(torch.cumsum(sizes, 0) - sizes)
            low = high

    def draw(self, step):
        """(rows [N], [(ids [n, L], lengths [n])]) of a step; its number alone decides what is drawn."""
        generator = torch.Generator(self.device).manual_seed(self.seed * 10000019 + step)
        near = torch.randperm(self.count, generator=generator, device=self.device)[:NEAR]
        rows, parts = [], []
        for bucket, (texts, longest) in enumerate(self.buckets):
            chosen = self.members[bucket][self.places(bucket, texts, near, generator)]
            rows.append(chosen)
            parts.append(self.padded(chosen, longest))
        return torch.cat(rows), parts

    def places(self, bucket, texts, near, generator):
        """Places [texts] in the bucket's members: half anywhere, half in the clusters `near`."""
        def random(count):
            return torch.rand(count, generator=generator, device=self.device, dtype=torch.float64)
        anywhere = (random(texts - texts // 2) * len(self.members[bucket])).long()
        # a place among the members of the clusters `near`, laid end to end
        sizes = self.sizes[bucket][near]
        ends = torch.cumsum(sizes, 0)
        at = (random(texts // 2) * ends[-1]).long()
        cluster = torch.searchsorted(ends, at, right=True).clamp(max=len(near) - 1)
        place = self.starts[bucket][near][cluster] + at - (ends - sizes)[cluster]
        return torch.cat([anywhere, place.clamp(max=len(self.members[bucket]) - 1)])

    def padded(self, chosen, longest):
        """ids [n, longest] as the student reads them: <s>, pieces, <pad>; lengths with <s>."""
        lengths = (self.lengths[chosen] + 1).clamp(max=longest)
        place = torch.arange(longest, device=self.device)
        source = (self.offsets[chosen][:, None] + place[None, :] - 1).clamp(0, len(self.flat) - 1)
        ids = torch.where(place[None, :] < lengths[:, None], self.flat[source].long(), self.vocab + 1)
        ids[:, 0] = self.vocab
        return ids, lengths


def exact(texts, vocab, device, longest=512, tokens=32768):
    """Yields (rows, [(ids, lengths)]): every text once, those of one length together, no padding."""
    lengths = np.minimum(texts.lengths(), longest - 1)
    order = np.argsort(lengths, kind="stable")
    at = 0
    while at < len(order):
        length = lengths[order[at]]
        end = min(np.searchsorted(lengths[order], length, side="right"), at + max(1, tokens // (length + 1)))
        rows = order[at:end]
        ids = np.full((len(rows), length + 1), vocab, dtype=np.int64)
        ids[:, 1:] = texts.flat[texts.offsets[rows][:, None] + np.arange(length)[None, :]]
        sizes = torch.full((len(rows),), int(length) + 1, device=device)
        yield rows, [(torch.from_numpy(ids).to(device), sizes)]
        at = end
