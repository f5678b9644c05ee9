"""Random crops of annotated fields, and what is done to them before the network sees them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from fcrbench.postprocess import label


class Crops(TorchDataset):
    """Crops of fields; each depends on (seed, epoch, index) alone, so a resumed run sees the same ones.

    images, labels   one (H, W) float32 and one (H, W) integer array per field
    crop, crops_per_image, augment, zoom, seed  see TrainingConfig
    Item i is a crop of field i mod n: image (1, crop, crop) float32 tensor, labels (crop, crop) int32
    array with ids 1..n. Fields smaller than the crop are mirrored at their border. The items of each epoch
    follow those of the one before: item len(self) + i is for the second epoch what item i is for the first.
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
            image, labels = turn(image, labels, rng)
            image = vary_intensity(image, rng)
        return torch.from_numpy(np.ascontiguousarray(image))[None], numbered(labels)


def random_crop(
    image: np.ndarray, labels: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A (size, size) window of both, anywhere in the field; one that is smaller is mirrored at its border."""
    short = [max(size - side, 0) for side in image.shape]
    if any(short):
        pad = [(s // 2, s - s // 2) for s in short]
        image, labels = np.pad(image, pad, mode="symmetric"), mirrored(labels, pad)
    y, x = (int(rng.integers(side - size + 1)) for side in image.shape)
    return image[y : y + size, x : x + size], labels[y : y + size, x : x + size]


def mirrored(labels: np.ndarray, pad: Sequence[tuple[int, int]]) -> np.ndarray:
    """Label image (H, W), 0 = background, extended on each side by mirroring it, as (H', W') int32.

    The image of an object is another object, and gets an id of its own, unless both are connected (over edges
    or corners): objects that share an id are one to every loss. The objects of the field keep their ids.
    """
    pieces, count = label(np.pad(labels, pad, mode="symmetric"), connectivity=2)
    inner = tuple(slice(low, low + side) for (low, _), side in zip(pad, labels.shape, strict=True))
    ids = np.arange(count + 1, dtype=np.int32) + np.int32(labels.max(initial=0))
    ids[0] = 0
    ids[pieces[inner]] = labels
    return ids[pieces]


def numbered(labels: np.ndarray) -> np.ndarray:
    """The objects of a label image (H, W), ids up to some thousands, as 1..n in the order of their ids."""
    present = np.bincount(labels.reshape(-1)) > 0
    present[0] = False
    return np.cumsum(present, dtype=np.int32)[labels]


def resize(image: np.ndarray, labels: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A window (H, W) at (size, size): the float32 image interpolated linearly, the labels by nearest pixel.

    Both sides are stretched or shrunk alike only where the window is square. Pixels are squares: the middle
    of the first is at 0.5.
    """
    if image.shape == (size, size):
        return image, labels
    rows, columns = (_Places.along(side, size) for side in image.shape)
    image = image[rows.first] * (1 - rows.share)[:, None] + image[rows.second] * rows.share[:, None]
    image = image[:, columns.first] * (1 - columns.share) + image[:, columns.second] * columns.share
    return image, labels[rows.nearest][:, columns.nearest]


class _Places(NamedTuple):
    """Where each of the new pixels lies among the old ones: `share` of the way from `first` to `second`."""

    nearest: np.ndarray
    first: np.ndarray
    second: np.ndarray
    share: np.ndarray

    @classmethod
    def along(cls, side: int, size: int) -> "_Places":
        place = (np.arange(size, dtype=np.float32) + 0.5) * np.float32(side / size)  # in old pixels
        first = np.clip(np.floor(place - 0.5).astype(np.int64), 0, max(side - 2, 0))
        return cls(
            np.minimum(place.astype(np.int64), side - 1),
            first,
            np.minimum(first + 1, side - 1),
            np.clip(place - 0.5 - first, 0, 1).astype(np.float32),
        )


def turn(image: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One of the eight flips and quarter turns of a square."""
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    image, labels = np.rot90(image, turns), np.rot90(labels, turns)
    return (image[:, ::-1], labels[:, ::-1]) if flip else (image, labels)


def vary_intensity(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another gain, offset and a little more noise, in units of the image's standard deviation."""
    gain = np.float32(np.exp(rng.uniform(-0.3, 0.3)))
    offset = np.float32(rng.uniform(-0.1, 0.1))
    noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(0, 0.05))
    return image * gain + offset + noise
