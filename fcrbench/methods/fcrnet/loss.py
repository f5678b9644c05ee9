"""The losses of FCRNet: Eq. 1 as the authors weigh it, and cross-entropy to a dynamic colouring."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import nll_loss

from fcrbench.kernels.coloring import dynamic_coloring
from fcrbench.methods.fcrnet.targets import Objects

EPSILON = 1e-7


def power_normalise(embedding: Tensor, alpha: float) -> Tensor:
    """Eq. 4: h_k = e_k^alpha / sum_j e_j^alpha over dimension 1, for an even alpha.

    Dividing by the largest |e_k| first changes nothing in exact arithmetic and keeps every power within
    [0, 1]: no overflow at any scale of the embedding, and no dead pixel at a small one.
    """
    size = embedding.float().abs()
    largest = size.amax(dim=1, keepdim=True).clamp_min(EPSILON)
    power = (size / largest).pow(alpha)
    return power / power.sum(dim=1, keepdim=True).clamp_min(EPSILON)


@dataclass(frozen=True)
class SimilarityLoss:
    """Eq. 1: pixels like the mean of their object, neighbouring objects unlike each other.

    intra   1 - mu_i . h, averaged over all pixels
    inter   |mu_i . mu_j|, averaged over neighbouring pairs; the background is an object next to all
    loss    intra + inter_weight * inter; the authors' weight is 4

    mu_i is the mean of h over object i, not normalised: the authors' "cosine" is a plain dot product.
    """

    inter_weight: float = 4.0

    def __call__(self, h: Tensor, objects: Objects) -> dict[str, Tensor]:
        mean, size = object_means(h, objects)
        # sum over the pixels of an object of mu . h is size * |mu|^2
        intra = 1 - (size * mean.square().sum(dim=1)).sum() / size.sum()
        inter = similarity(mean, torch.cat([objects.pairs, objects.background_pairs], dim=1))
        return {"loss": intra + self.inter_weight * inter, "intra": intra, "inter": inter}


@dataclass(frozen=True)
class ColoringLoss:
    """Cross-entropy to the valid colouring that the current prediction is closest to.

    Channel 0 is background. At each step every object takes the colour that costs it least (mean
    -log p over its pixels), most confident object first, a colour held by a neighbour costing
    `penalty` more. The target follows the prediction, so any valid colouring is right, as the paper
    wants, and yet every pixel has a plain target from the first step. Each colour costs `color_cost` more
    than the one before it: an object without close neighbours takes the first colour, and only touching ones
    have to agree on who takes the next.

    entropy  the cross-entropy, averaged over all pixels
    inter    |mu_i . mu_j|, averaged over neighbouring objects, mu the mean probabilities: it makes two
             objects that could take either colour decide
    loss     entropy + inter_weight * inter
    """

    inter_weight: float
    color_cost: float = 0.5
    penalty: float = 5.0

    def __call__(self, logits: Tensor, objects: Objects) -> dict[str, Tensor]:
        log_p = logits.float().log_softmax(dim=1)
        entropy = nll_loss(log_p, self.target(log_p.detach(), objects))
        mean, _ = object_means(log_p.exp(), objects)
        inter = similarity(mean, objects.pairs)
        return {"loss": entropy + self.inter_weight * inter, "entropy": entropy, "inter": inter}

    def target(self, log_p: Tensor, objects: Objects) -> Tensor:
        """The colour of every pixel, (B, H, W) int64."""
        cost, _ = object_means(-log_p, objects)
        foreground = cost[:, 1:].cpu().numpy()
        foreground += self.color_cost * np.arange(foreground.shape[1], dtype=np.float32)
        color = np.zeros(len(cost), np.int64)
        for first, near in zip(objects.first, objects.near, strict=True):
            n = len(near)  # with the background, which is row `first`
            color[first + 1 : first + n] = 1 + dynamic_coloring(
                foreground[first + 1 : first + n], near[1:, 1:], self.penalty
            )
        return torch.from_numpy(color).to(log_p.device)[objects.index]


def object_means(values: Tensor, objects: Objects) -> tuple[Tensor, Tensor]:
    """Mean of `values` (B, K, H, W) over each object: (N, K) and sizes (N,), float32."""
    flat = values.permute(0, 2, 3, 1).reshape(-1, values.shape[1])
    index = objects.index.reshape(-1)
    size = objects.size
    total = torch.zeros(len(size), values.shape[1], device=values.device).index_add_(0, index, flat)
    return total / size.clamp_min(1)[:, None], size


def similarity(mean: Tensor, pairs: Tensor) -> Tensor:
    """Mean of |mu_i . mu_j| over pairs (2, P) of rows of `mean`; 0 where there is none."""
    if pairs.shape[1] == 0:
        return mean.sum() * 0
    return (mean[pairs[0]] * mean[pairs[1]]).sum(dim=1).abs().mean()
