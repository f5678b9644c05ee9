"""Objects of a batch of label images and the pairs of them that must differ in colour."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fcrbench.compute.transfer import to_device
from fcrbench.kernels.neighbours import neighbour_matrix


@dataclass(frozen=True)
class Objects:
    """The objects of a batch, numbered through; the background of each image is one of them.

    index             (B, H, W) int32, the object of every pixel
    size              (N,) float32, pixels of each object
    image             (N,) int64, the image of each object
    first             row of each image's background; its objects follow in the order of their ids
    near              per image (n + 1, n + 1) bool, neighbouring objects; row 0, the background, is False
    pairs             (2, P) int64, each pair of neighbouring objects once
    background_pairs  (2, N - B) int64, every object with its background
    """

    index: Tensor
    size: Tensor
    image: Tensor
    first: list[int]
    near: list[np.ndarray]
    pairs: Tensor
    background_pairs: Tensor


def find_objects(labels: np.ndarray, distance: int, device: torch.device) -> Objects:
    """Objects of `labels` (B, H, W) int32, 0 = background, each image 1..n; see Objects.

    distance  objects whose pixels are at most this far apart (pixels) are neighbours
    """
    first: list[int] = []
    near: list[np.ndarray] = []
    pairs: list[np.ndarray] = []
    background_pairs: list[np.ndarray] = []
    index = np.empty(labels.shape, np.int32)
    count = 0
    for image, out in zip(labels, index, strict=True):
        n = int(image.max())
        matrix = neighbour_matrix(image, n, distance)
        np.add(image, count, out=out)
        first.append(count)
        near.append(matrix)
        pairs.append(np.argwhere(np.triu(matrix)).T + count)
        background_pairs.append(np.stack([np.zeros(n, np.int64), np.arange(1, n + 1)]) + count)
        count += n + 1
    size = np.bincount(index.ravel(), minlength=count).astype(np.float32)
    image_of = np.repeat(np.arange(len(near)), [len(matrix) for matrix in near])
    return Objects(
        to_device(index, device),
        to_device(size, device),
        to_device(image_of, device),
        first,
        near,
        to_device(np.concatenate(pairs, axis=1), device),
        to_device(np.concatenate(background_pairs, axis=1), device),
    )
