"""Random crops of annotated fields, and their augmentation."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from fcrbench.postprocess import label


class Crops(TorchDataset):
    """Crops of fields. Each depends only on (seed, epoch, index), so a resumed run sees the same crops.

    images, labels   one (H, W) float32 and one (H, W) integer array per field
    crop, crops_per_image, augment, zoom, seed  see TrainingConfig

    Item i is a crop of field i modulo the number of fields: an image (1, crop, crop), a float32 tensor, and
    its labels (crop, crop), an int32 array with ids 1..n. Fields smaller than the crop are mirrored at their
    border. Item e * len(self) + i is crop i of epoch e.
    """

    def __init__(
        self,
        images: Sequence[np.ndarray],
        labels: Sequence[np.ndarray],
        *,
        crop: int,
        crops_per_image: int,
        augment: bool,
        zoom: float,
        seed: int,
    ) -> None:
        self.images, self.labels = images, labels
        self.crop, self.crops_per_image = crop, crops_per_image
        self.augment, self.zoom, self.seed = augment, zoom, seed

    def __len__(self) -> int:
        return len(self.images) * self.crops_per_image

    def __getitem__(self, i: int) -> tuple[Tensor, np.ndarray]:
        epoch, i = divmod(i, len(self))
        rng = np.random.default_rng([self.seed, epoch, i])
        field = i % len(self.images)
        side = self.crop
        if self.augment:
            side = round(side * np.exp(rng.uniform(-self.zoom, self.zoom)))
        image, labels = random_crop(self.images[field], self.labels[field], side, rng)
        if self.augment:
            image, labels = resize(image, labels, self.crop)
            image, labels = rotate_and_flip(image, labels, rng)
            image = vary_intensity(image, rng)
        return torch.from_numpy(np.ascontiguousarray(image))[None], renumber(labels)


def random_crop(
    image: np.ndarray, labels: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a random (size, size) window out of both. A field that is smaller is mirrored at its border."""
    short = [max(size - side, 0) for side in image.shape]
    if any(short):
        pad = [(s // 2, s - s // 2) for s in short]
        image, labels = np.pad(image, pad, mode="symmetric"), mirror_pad(labels, pad)
    y, x = (int(rng.integers(side - size + 1)) for side in image.shape)
    return image[y : y + size, x : x + size], labels[y : y + size, x : x + size]


def mirror_pad(labels: np.ndarray, pad: Sequence[tuple[int, int]]) -> np.ndarray:
    """Extend a label image (H, W), 0 = background, by mirroring it at each side; (H', W') int32.

    The mirror image of an object gets its own id, because a loss treats equal ids as one object. Both share
    an id only if they are connected over edges or corners. The objects of the field keep their ids.
    """
    pieces, count = label(np.pad(labels, pad, mode="symmetric"), connectivity=2)
    inner = tuple(slice(low, low + side) for (low, _), side in zip(pad, labels.shape, strict=True))
    ids = np.arange(count + 1, dtype=np.int32) + np.int32(labels.max(initial=0))
    ids[0] = 0
    ids[pieces[inner]] = labels
    return ids[pieces]


def renumber(labels: np.ndarray) -> np.ndarray:
    """Renumber the objects of a label image (H, W) to 1..n, in the order of their ids; ids must be small."""
    present = np.bincount(labels.reshape(-1)) > 0
    present[0] = False
    return np.cumsum(present, dtype=np.int32)[labels]


def resize(image: np.ndarray, labels: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Resize a window (H, W) to (size, size): the float32 image linearly, the labels by nearest pixel.

    The aspect ratio changes unless the window is square. Pixels are squares, and the centre of the first is
    at 0.5.
    """
    if image.shape == (size, size):
        return image, labels
    rows, columns = (_AxisSampling.create(side, size) for side in image.shape)
    image = image[rows.first] * (1 - rows.weight)[:, None] + image[rows.second] * rows.weight[:, None]
    image = image[:, columns.first] * (1 - columns.weight) + image[:, columns.second] * columns.weight
    return image, labels[rows.nearest][:, columns.nearest]


class _AxisSampling(NamedTuple):
    """The old pixels that each new pixel along an axis is computed from.

    nearest         the nearest old pixel
    first, second   the two old pixels between which the new one lies
    weight          the weight of `second` in the linear interpolation
    """

    nearest: np.ndarray
    first: np.ndarray
    second: np.ndarray
    weight: np.ndarray

    @classmethod
    def create(cls, side: int, size: int) -> "_AxisSampling":
        position = (np.arange(size, dtype=np.float32) + 0.5) * np.float32(side / size)  # in old pixels
        first = np.clip(np.floor(position - 0.5).astype(np.int64), 0, max(side - 2, 0))
        return cls(
            np.minimum(position.astype(np.int64), side - 1),
            first,
            np.minimum(first + 1, side - 1),
            np.clip(position - 0.5 - first, 0, 1).astype(np.float32),
        )


def rotate_and_flip(
    image: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Apply one of the eight combinations of quarter turns and flips to both."""
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    image, labels = np.rot90(image, turns), np.rot90(labels, turns)
    return (image[:, ::-1], labels[:, ::-1]) if flip else (image, labels)


def vary_intensity(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Apply a random gain and offset and add a little noise to an image with standard deviation 1."""
    gain = np.float32(np.exp(rng.uniform(-0.3, 0.3)))
    offset = np.float32(rng.uniform(-0.1, 0.1))
    noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(0, 0.05))
    return image * gain + offset + noise
