"""What a student is trained on: the direction of the teacher's vectors, and who is whose neighbour."""
import torch
import torch.nn.functional as F

from bag import nested

SHARPNESS = 0.05  # temperature of both similarity distributions


def cosine(student, target):
    """Mean distance 1 - cos of rows [N, D]."""
    return (1 - F.cosine_similarity(student, target, dim=1)).mean()


def similarities(rows):
    """Cosines [N, N]."""
    unit = F.normalize(rows, dim=1)
    return unit @ unit.T


def neighbours(student, target, off):
    """KL of the teacher's and the student's distributions over a row's neighbours in the batch.

    `student` and `target` are cosines [N, N]; `off` [N, N] marks the pairs that are left out.
    """
    wanted, got = (part.div(SHARPNESS).masked_fill(off, -1e4).log_softmax(1) for part in (target, student))
    return F.kl_div(got, wanted, log_target=True, reduction="batchmean")


def pairs(student, target, off):
    """Mean squared error of the cosines of different texts, in units of the teacher's variance."""
    error = (student - target).masked_fill(off, 0).square().mean()
    return error / target.masked_fill(off, 0).var().clamp(min=1e-4)


def distillation(student, target, same, step, weights):
    """The losses at the full width and at one Matryoshka prefix in turn.

    A prefix has the target's prefix for its direction; its neighbours are those of the full target.
    `same` [N, N] marks pairs of one and the same text; `weights` are those of the three terms.
    """
    total, wanted = 0.0, similarities(target)
    for width, weight in nested(target.shape[1], step):
        part = student[:, :width]
        got = similarities(part)
        total = total + weight * (weights["cosine"] * cosine(part, target[:, :width])
                                  + weights["neighbours"] * neighbours(got, wanted, same)
                                  + weights["pairs"] * pairs(got, wanted, same))
    return total


def agreement(own, targets):
    """Mean cosine of unit rows, and the correlation of their pairwise cosines with the teacher's."""
    above = torch.triu_indices(len(own), len(own), 1)
    both = torch.stack([(x @ x.T)[above[0], above[1]] for x in (own, F.normalize(targets, dim=1))])
    return float((own * F.normalize(targets, dim=1)).sum(1).mean()), float(torch.corrcoef(both)[0, 1])
