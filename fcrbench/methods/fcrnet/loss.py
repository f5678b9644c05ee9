"""The losses of FCRNet: Eq. 1 of the paper, and cross-entropy to a dynamic colouring."""

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
    """Compute Eq. 4 over dimension 1: h_k = e_k^alpha / sum_j e_j^alpha. As alpha is even, no sign matters.

    Dividing by the largest |e_k| first changes nothing in exact arithmetic. It keeps every power within
    [0, 1], so that no power overflows, and the powers of a pixel do not all vanish.
    """
    size = embedding.float().abs()
    largest = size.amax(dim=1, keepdim=True).clamp_min(EPSILON)
    power = (size / largest).pow(alpha)
    return power / power.sum(dim=1, keepdim=True).clamp_min(EPSILON)


@dataclass(frozen=True)
class SimilarityLoss:
    """Eq. 1: makes the pixels of an object similar, and neighbouring objects dissimilar.

    similarity  g: "cosine" of two vectors (the paper), or their "dot" product (the authors' code)
    intra       1 - the mean of g over all pairs of pixels of an object, including each pixel with itself
    inter       g(mu_i, mu_j) of two neighbouring objects, where mu_i is the mean of h over object i
    loss        intra + inter_weight * inter; Eq. 1 maximises 1 - loss with inter_weight 1

    The background is an object, and a neighbour of all others in its image. Eq. 1 sums over objects and
    pixels; here each sum is a mean, so that the scale of a term depends neither on the size of the image nor
    on its content. The loss of a batch is the mean of the losses of its images.

    intra_mean  "pixels": every pixel has equal weight, so an object is weighted by its number of pixels;
                "pairs": every pair of pixels has, so an object is weighted by the square of that number;
                "objects": every object has
    inter_mean  "objects": every object has equal weight, with the mean over its neighbours (1/|N(i)| of
                Eq. 1); "pairs": every pair of neighbours has
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
        intra = (self._object_weights(size, objects) * (1 - unit.square().sum(dim=1))).sum()
        pairs = torch.cat([objects.pairs, objects.background_pairs], dim=1)
        similarities = (mean[pairs[0]] * mean[pairs[1]]).sum(dim=1)
        inter = (self._pair_weights(pairs, size, objects) * similarities).sum()
        return {"loss": intra + self.inter_weight * inter, "intra": intra, "inter": inter}

    def _object_weights(self, size: Tensor, objects: Objects) -> Tensor:
        """Return the weight of each object in intra, (N,). The weights of an image add up to 1 / images."""
        if self.intra_mean == "objects":
            counts = (size > 0).float()
        else:
            counts = size.square() if self.intra_mean == "pairs" else size
        images, image = len(objects.first), objects.image
        return counts / _sum_by_index(image, counts, images)[image] / images

    def _pair_weights(self, pairs: Tensor, size: Tensor, objects: Objects) -> Tensor:
        """Return the weight of each pair (2, P) in inter, (P,). The weights of an image add up to 1 / images.

        A background without pixels has no neighbours. An image without pairs contributes 0.
        """
        first, second = pairs
        images, image = len(objects.first), objects.image
        present = (size > 0).float()
        counts = present[first] * present[second]
        if self.inter_mean == "pairs":
            total = _sum_by_index(image[first], counts, images)
        else:
            neighbours = _sum_by_index(first, counts, len(size)) + _sum_by_index(second, counts, len(size))
            neighbours = neighbours.clamp_min(1)
            counts = counts / neighbours[first] + counts / neighbours[second]
            total = _sum_by_index(image, present, images)
        return counts / total.clamp_min(1)[image[first]] / images


@dataclass(frozen=True)
class ColoringLoss:
    """Cross-entropy to the valid colouring that is closest to the current prediction.

    Channel 0 is background. At each step every object takes the colour of least cost (mean -log p over its
    pixels). The most confident object chooses first, and a colour that a neighbour has taken costs `penalty`
    more. The target follows the prediction: any valid colouring is right, as in the paper, and yet every
    pixel has a definite target from the first step. Each colour costs `color_cost` more than the one before
    it, so an object without close neighbours takes the first colour, and only touching objects need others.

    entropy  the cross-entropy, averaged over all pixels
    inter    |mu_i . mu_j|, averaged over neighbouring objects, where mu is the mean probability of each
             colour. It separates two objects that could both take either colour
    loss     entropy + inter_weight * inter
    """

    inter_weight: float
    color_cost: float = 0.5
    penalty: float = 5.0

    def __call__(self, logits: Tensor, objects: Objects) -> dict[str, Tensor]:
        log_p = logits.float().log_softmax(dim=1)
        # Reduced here, because torch has no deterministic reduction of this loss of images on CUDA.
        entropy = nll_loss(log_p, self.target(log_p.detach(), objects), reduction="none").mean()
        mean, _ = object_means(log_p.exp(), objects)
        inter = mean_overlap(mean, objects.pairs)
        return {"loss": entropy + self.inter_weight * inter, "entropy": entropy, "inter": inter}

    def target(self, log_p: Tensor, objects: Objects) -> Tensor:
        """Return the target colour of every pixel, (B, H, W) int64."""
        cost, _ = object_means(-log_p, objects)
        foreground = cost[:, 1:].cpu().numpy()
        foreground += self.color_cost * np.arange(foreground.shape[1], dtype=np.float32)
        color = np.zeros(len(cost), np.int64)
        for first, near in zip(objects.first, objects.near, strict=True):
            n = len(near)  # includes the background, which is row `first`
            color[first + 1 : first + n] = 1 + dynamic_coloring(
                foreground[first + 1 : first + n], near[1:, 1:], self.penalty
            )
        return to_device(color, log_p.device)[objects.index]


def object_means(values: Tensor, objects: Objects) -> tuple[Tensor, Tensor]:
    """Return the mean of `values` (B, K, H, W) over each object, (N, K), and its size, (N,), as float32."""
    # Summed in float64: in float32, a pixel that is added to a million others would lose its last digits.
    flat = values.permute(0, 2, 3, 1).reshape(-1, values.shape[1]).double()
    size = objects.size
    total = flat.new_zeros(len(size), values.shape[1]).index_add_(0, objects.index.reshape(-1), flat)
    return (total / size.clamp_min(1)[:, None]).float(), size


def mean_overlap(mean: Tensor, pairs: Tensor) -> Tensor:
    """Return the mean of |mu_i . mu_j| over pairs (2, P) of rows of `mean`; 0 if there are no pairs."""
    if pairs.shape[1] == 0:
        return mean.sum() * 0
    return (mean[pairs[0]] * mean[pairs[1]]).sum(dim=1).abs().mean()


def _sum_by_index(index: Tensor, values: Tensor, n: int) -> Tensor:
    """Add up the values (N,) that have the same index (N,) in 0..n - 1, (n,)."""
    return torch.zeros(n, device=values.device).index_add_(0, index, values)
