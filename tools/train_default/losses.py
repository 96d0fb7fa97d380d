"""What a student is trained on: the direction of the teacher's vectors, and who is whose neighbour."""
import torch
import torch.nn.functional as F

from bag import nested

SHARPNESS = 0.05  # temperature of both similarity distributions


def cosine(student, target):
    """Mean distance 1 - cos of rows [N, D]."""
    return (1 - F.cosine_similarity(student, target, dim=1)).mean()


def neighbours(student, target):
    """KL of the teacher's and the student's distributions over a row's neighbours in the batch."""
    off = torch.eye(len(student), dtype=torch.bool, device=student.device)
    wanted, got = ((unit @ unit.T / SHARPNESS).masked_fill(off, -1e4)
                   for unit in (F.normalize(target, dim=1), F.normalize(student, dim=1)))
    return F.kl_div(got.log_softmax(1), wanted.log_softmax(1), log_target=True, reduction="batchmean")


def distillation(student, target, step, relational):
    """Both losses at the full width and at one Matryoshka prefix in turn.

    A prefix has the target's prefix for its direction; its neighbours are those of the full target.
    """
    total = 0.0
    for width, weight in nested(target.shape[1], step):
        part = student[:, :width]
        total = total + weight * (cosine(part, target[:, :width])
                                  + relational * neighbours(part, target))
    return total
