"""The static student: rows fitted to the teacher's vectors by least squares. No steps, no rate.

A text's vector is a sum of rows over a length, so for fixed lengths the best rows are a linear least
squares problem, which conjugate gradients solve in seconds; the lengths follow in a few rounds. The
start is a contrastive bag (train.py), turned into the teacher's axes by the best rotation. It is also
the prior: a row stays there unless enough texts pull it away, which is what rare pieces need.
"""
import warnings

import torch
import torch.nn.functional as F

import bag

ROUNDS, ITERATIONS = 2, 15
warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")


def counts(texts, pieces):
    """Sparse [N, pieces]: how often a text has a piece; and its transpose."""
    ids, starts = bag.flatten(texts, "cpu")
    sizes = torch.diff(starts, append=torch.tensor([len(ids)]))
    places = torch.stack([torch.repeat_interleave(torch.arange(len(texts)), sizes), ids])
    matrix = torch.sparse_coo_tensor(places, torch.ones(len(ids)), (len(texts), pieces),
                                     check_invariants=True).coalesce()
    return matrix.to_sparse_csr(), matrix.t().coalesce().to_sparse_csr()


def rotated(rows, matrix, targets):
    """`rows` in the targets' axes, as near to them as a rotation brings it; texts' median length is 1."""
    own = F.normalize(matrix @ rows, dim=1)
    left, _, right = torch.linalg.svd(own.T @ targets, full_matrices=False)
    turned = rows @ (left @ right)
    return turned / (matrix @ turned).norm(dim=1).median()


def agreement(own, targets):
    """Mean cosine of unit rows, and the correlation of their pairwise cosines with the teacher's."""
    above = torch.triu_indices(len(own), len(own), 1)
    pairs = torch.stack([(x @ x.T)[above[0], above[1]] for x in (own, targets)])
    return float((own * targets).sum(1).mean()), float(torch.corrcoef(pairs)[0, 1])


def conjugate_gradients(operator, right, start):
    """ITERATIONS steps towards operator(x) = right, every column for itself."""
    x, rest = start, right - operator(start)
    direction, size = rest.clone(), (rest * rest).sum(0)
    for _ in range(ITERATIONS):
        image = operator(direction)
        step = size / (direction * image).sum(0).clamp(min=1e-12)
        x, rest = x + step * direction, rest - step * image
        last, size = size, (rest * rest).sum(0)
        direction = rest + size / last.clamp(min=1e-12) * direction
    return x


def fit(rows, texts, targets, prior, log=print):
    """Rows [V, D] for texts (id arrays, none empty) and their unit targets, float32 [N, D].

    `prior` is the weight of the start in occurrences of a piece. The first 2000 texts are kept back.
    """
    kept = min(2000, len(texts) // 10)
    matrix, transposed = counts(texts[kept:], len(rows))
    test, _ = counts(texts[:kept], len(rows))

    def report(label, rows):
        log(f"table: {label}: on texts kept back, cosine %.4f, pairs %.4f"
            % agreement(F.normalize(test @ rows, dim=1), targets[:kept]))

    start = rotated(rows, matrix, targets[kept:])
    report("start", start)
    rows = start
    for number in range(ROUNDS):
        scale = 1 / (matrix @ rows).norm(dim=1, keepdim=True).clamp(min=1e-6)
        rows = conjugate_gradients(
            lambda x, s=scale: transposed @ (s * s * (matrix @ x)) + prior * x,
            transposed @ (scale * targets[kept:]) + prior * start, rows)
        report(f"round {number + 1}", rows)
    return rows


def blended(start, fitted, texts, share):
    """Rows [V, D] whose texts' cosines mix those of two tables: both side by side, cut to D axes.

    `share` is the start's. Its words' weights serve retrieval, the fit's neighbours serve similarity.
    """
    matrix, _ = counts(texts, len(start))
    near, far = (rows / (matrix @ rows).norm(dim=1).median() for rows in (start, fitted))
    joint = torch.cat([share * near, (1 - share) * far], dim=1)
    own = F.normalize(matrix @ joint, dim=1)
    _, axes = torch.linalg.eigh(own.T @ own)
    return joint @ axes[:, -start.shape[1]:].flip(1)
