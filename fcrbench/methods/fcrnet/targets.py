"""The objects of a batch of label images, and the pairs of objects that must differ in colour."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fcrbench.compute.transfer import to_device
from fcrbench.kernels.neighbours import neighbour_matrix


@dataclass(frozen=True)
class Objects:
    """The objects of a batch, numbered 0..N - 1 across images. The background of an image is an object too.

    index             (B, H, W) int32, the object of each pixel
    size              (N,) float32, number of pixels of each object
    image             (N,) int64, the image of each object
    first             the number of each image's background; its objects follow in the order of their ids
    near              for each image (n + 1, n + 1) bool, which objects are neighbours; the background, row 0,
                      has none
    pairs             (2, P) int64, each pair of neighbouring objects once
    background_pairs  (2, N - B) int64, each object with the background of its image
    """

    index: Tensor
    size: Tensor
    image: Tensor
    first: list[int]
    near: list[np.ndarray]
    pairs: Tensor
    background_pairs: Tensor


def find_objects(labels: np.ndarray, distance: int, device: torch.device) -> Objects:
    """Find the objects of `labels` (B, H, W) int32, 0 = background, ids 1..n in each image.

    distance  two objects are neighbours if they have pixels that are at most this far apart; pixels
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
