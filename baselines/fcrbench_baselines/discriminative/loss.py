"""The terms of Discriminative Loss: pull, push, regularisation and foreground."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from fcrbench.compute.transfer import to_device

PULL_MARGIN = 0.5  # delta_v
PUSH_MARGIN = 1.5  # delta_d


@dataclass(frozen=True)
class DiscriminativeLoss:
    """Eqs. 1-4 of De Brabandere et al. (2017), the mean over the images of a batch.

    pull  mean over objects of the mean over their pixels of [|mu - x| - pull_margin]_+^2
    push  mean over pairs of objects of [2 push_margin - |mu_a - mu_b|]_+^2; 0 below two objects
    reg   mean over objects of |mu|
    loss  pull + push + reg_weight * reg

    mu is the mean of the embeddings x of an object. The background is not an object, and an image without
    objects contributes 0.
    """

    pull_margin: float = PULL_MARGIN
    push_margin: float = PUSH_MARGIN
    reg_weight: float = 0.001

    def __call__(self, embedding: Tensor, labels: np.ndarray) -> dict[str, Tensor]:
        """Compute the terms.

        embedding  (B, E, H, W) float32
        labels     (B, H, W) int32 on the host, ids 1..n in each image
        """
        objects = _find_objects(labels, embedding.device)
        pixels = embedding.permute(0, 2, 3, 1).reshape(-1, embedding.shape[1])[objects.pixels]
        mean = _sum_by_index(objects.index, pixels, len(objects.size)) / objects.size[:, None]
        spread = (torch.linalg.vector_norm(pixels - mean[objects.index], dim=1) - self.pull_margin).relu()
        pull = _sum_by_index(objects.index, spread.square()[:, None], len(objects.size))[:, 0] / objects.size
        a, b = objects.pairs
        push = (2 * self.push_margin - torch.linalg.vector_norm(mean[a] - mean[b], dim=1)).relu().square()
        reg = torch.linalg.vector_norm(mean, dim=1)
        terms = {
            "pull": (objects.weight * pull).sum(),
            "push": (objects.pair_weight * push).sum(),
            "reg": (objects.weight * reg).sum(),
        }
        loss = terms["pull"] + terms["push"] + self.reg_weight * terms["reg"]
        return {"loss": loss, **terms}


def foreground_loss(logits: Tensor, labels: np.ndarray) -> Tensor:
    """Return the cross-entropy of the semantic branch: logits (B, 2, H, W) of background and foreground."""
    foreground = to_device(labels > 0, logits.device).long()
    # Reduced here, because torch has no deterministic reduction of this loss of images on CUDA.
    return cross_entropy(logits, foreground, reduction="none").mean()


@dataclass(frozen=True)
class _Objects:
    """The N objects of a batch, numbered 0..N - 1 across images.

    pixels       (M,) int64, flat positions in (B, H, W) of all pixels of objects
    index        (M,) int64, the object of each of these pixels
    size         (N,) float32, number of pixels of each object
    weight       (N,) float32, 1 / (B * number of objects in its image), so that weighted sums are means over
                 the objects of an image, then over images
    pairs        (2, P) int64, each pair of objects of one image once
    pair_weight  (P,) float32, 1 / (B * number of pairs in its image)
    """

    pixels: Tensor
    index: Tensor
    size: Tensor
    weight: Tensor
    pairs: Tensor
    pair_weight: Tensor


def _find_objects(labels: np.ndarray, device: torch.device) -> _Objects:
    batch = len(labels)
    counts = labels.reshape(batch, -1).max(axis=1)
    first_objects = np.cumsum(counts) - counts
    pixels = np.flatnonzero(labels)
    index = (labels.astype(np.int64) + (first_objects - 1)[:, None, None]).reshape(-1)[pixels]
    pairs = [np.stack(np.triu_indices(n, 1)) + first for n, first in zip(counts, first_objects, strict=True)]
    in_image = [p.shape[1] for p in pairs]
    arrays = (
        pixels,
        index,
        np.bincount(index, minlength=int(counts.sum())).astype(np.float32),
        np.repeat(1 / (batch * np.maximum(counts, 1)), counts).astype(np.float32),
        np.concatenate(pairs, axis=1).astype(np.int64),
        np.repeat(1 / (batch * np.maximum(in_image, 1)), in_image).astype(np.float32),
    )
    return _Objects(*(to_device(array, device) for array in arrays))


def _sum_by_index(index: Tensor, values: Tensor, n: int) -> Tensor:
    """Add up the rows of `values` (M, E) that have the same index in 0..n - 1, (n, E)."""
    return values.new_zeros(n, values.shape[1]).index_add_(0, index, values)
