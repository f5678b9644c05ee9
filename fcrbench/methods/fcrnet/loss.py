"""The losses of FCRNet: Eq. 1 in its readings, and cross-entropy to a dynamic colouring."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import nll_loss, normalize

from fcrbench.compute.transfer import to_device
from fcrbench.kernels.coloring import dynamic_coloring
from fcrbench.methods.fcrnet.targets import Objects

EPSILON = 1e-7


def power_normalise(embedding: Tensor, alpha: float) -> Tensor:
    """Eq. 4: h_k = e_k^alpha / sum_j e_j^alpha over dimension 1; alpha is even, so that no sign matters.

    Dividing by the largest |e_k| first changes nothing in exact arithmetic and keeps every power within
    [0, 1]: no overflow at any scale of the embedding, and no dead pixel at a small one.
    """
    size = embedding.float().abs()
    largest = size.amax(dim=1, keepdim=True).clamp_min(EPSILON)
    power = (size / largest).pow(alpha)
    return power / power.sum(dim=1, keepdim=True).clamp_min(EPSILON)


@dataclass(frozen=True)
class SimilarityLoss:
    """Eq. 1: pixels like the others of their object, neighbouring objects unlike each other.

    similarity  g: "cosine" of two vectors (the paper), or their "dot" product (the authors' code)
    intra       1 - the mean of g over the pairs of pixels of one object, a pixel with itself among them
    inter       g(mu_i, mu_j) of two neighbouring objects, mu_i the mean of h over object i
    loss        intra + inter_weight * inter; what Eq. 1 is to maximise is 1 - loss with inter_weight 1

    The background is an object, and a neighbour of all others in its image. Eq. 1 sums over objects and
    pixels; here each sum is a mean, so that neither the size of the image nor what is in it changes the scale
    of a term. The loss of a batch is the mean of those of its images, each computed for itself.

    intra_mean  "pixels": every pixel counts the same, that is an object by its pixels; "pairs": every pair of
                pixels does, that is an object by their square; "objects": every object does
    inter_mean  "objects": every object counts the same, with the mean over its neighbours: 1/|N(i)| of Eq. 1;
                "pairs": every pair of neighbours does, once
    """

    inter_weight: float
    similarity: Literal["cosine", "dot"]
    intra_mean: Literal["pixels", "pairs", "objects"]
    inter_mean: Literal["objects", "pairs"]

    def __call__(self, h: Tensor, objects: Objects) -> dict[str, Tensor]:
        mean, size = object_means(h, objects)
        if self.similarity == "cosine":
            # The mean of the cosines of all pairs is the squared length of the mean of the unit vectors.
            unit, _ = object_means(normalize(h, dim=1, eps=EPSILON), objects)
            mean = normalize(mean, dim=1, eps=EPSILON)
        else:
            unit = mean
        intra = (self._shares(size, objects) * (1 - unit.square().sum(dim=1))).sum()
        pairs = torch.cat([objects.pairs, objects.background_pairs], dim=1)
        alike = (mean[pairs[0]] * mean[pairs[1]]).sum(dim=1)
        inter = (self._pair_shares(pairs, size, objects) * alike).sum()
        return {"loss": intra + self.inter_weight * inter, "intra": intra, "inter": inter}

    def _shares(self, size: Tensor, objects: Objects) -> Tensor:
        """What each object counts in intra, (N,); those of one image add up to 1 / images."""
        if self.intra_mean == "objects":
            counts = (size > 0).float()
        else:
            counts = size.square() if self.intra_mean == "pairs" else size
        return counts / _by(objects.image, counts, len(objects.first))[objects.image] / len(objects.first)

    def _pair_shares(self, pairs: Tensor, size: Tensor, objects: Objects) -> Tensor:
        """What each of the pairs (2, P) counts in inter, (P,); those of one image add up to 1 / images.

        A background of no pixels is nobody's neighbour; an image without a pair adds 0.
        """
        first, second = pairs
        images, image = len(objects.first), objects.image
        present = (size > 0).float()
        counts = present[first] * present[second]
        if self.inter_mean == "pairs":
            total = _by(image[first], counts, images)
        else:
            neighbours = (_by(first, counts, len(size)) + _by(second, counts, len(size))).clamp_min(1)
            counts = counts / neighbours[first] + counts / neighbours[second]
            total = _by(image, present, images)
        return counts / total.clamp_min(1)[image[first]] / images


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
        # Not reduced by torch: of this loss of images CUDA has no sum that is the same each time.
        entropy = nll_loss(log_p, self.target(log_p.detach(), objects), reduction="none").mean()
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
        return to_device(color, log_p.device)[objects.index]


def object_means(values: Tensor, objects: Objects) -> tuple[Tensor, Tensor]:
    """Mean of `values` (B, K, H, W) over each object: (N, K) and sizes (N,), float32."""
    # Sums in float64: in float32, each pixel added to a million others would lose its last digits.
    flat = values.permute(0, 2, 3, 1).reshape(-1, values.shape[1]).double()
    size = objects.size
    total = flat.new_zeros(len(size), values.shape[1]).index_add_(0, objects.index.reshape(-1), flat)
    return (total / size.clamp_min(1)[:, None]).float(), size


def similarity(mean: Tensor, pairs: Tensor) -> Tensor:
    """Mean of |mu_i . mu_j| over pairs (2, P) of rows of `mean`; 0 where there is none."""
    if pairs.shape[1] == 0:
        return mean.sum() * 0
    return (mean[pairs[0]] * mean[pairs[1]]).sum(dim=1).abs().mean()


def _by(index: Tensor, values: Tensor, n: int) -> Tensor:
    """Sums (n,) of the values (N,) of each index (N,)."""
    return torch.zeros(n, device=values.device).index_add_(0, index, values)
