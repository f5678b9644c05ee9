"""Data sets whose fields are one image file and one mask file each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fcrbench.datasets.base import Dataset, Sample
from fcrbench.datasets.relabel import consecutive
from fcrbench.errors import DataError, UsageError
from fcrbench.io import find_images, read_image, read_labels


@dataclass(frozen=True, slots=True)
class Pair:
    """The files of one field. `mask` is the label image, in the encoding of its data set."""

    image: Path
    mask: Path


class PairedDataset(Dataset):
    """Loads pairs of files. A subclass finds the pairs and the splits, and overrides `read_mask` when its
    masks are not plain label images."""

    def __init__(self, pairs: Mapping[str, Pair], splits: Mapping[str, Sequence[str]]) -> None:
        self._pairs = dict(pairs)
        self._splits = {split: tuple(ids) for split, ids in splits.items()}

    @property
    def splits(self) -> Mapping[str, tuple[str, ...]]:
        return dict(self._splits)

    def load(self, sample_id: str) -> Sample:
        """Read one field. Raises UsageError for an unknown id, DataError for files that do not fit."""
        pair = self._pairs.get(sample_id)
        if pair is None:
            raise UsageError(f"no field {sample_id!r} in the data set {self.name}")
        image, labels = read_image(pair.image), self.read_mask(pair.mask)
        check_shapes(image, pair.image, labels, pair.mask)
        return Sample(sample_id, image, consecutive(labels))

    def read_mask(self, path: Path) -> np.ndarray:
        """The labels (H, W) in one mask file, any integer dtype, 0 = background."""
        return read_labels(path)


def check_shapes(image: np.ndarray, image_path: Path, labels: np.ndarray, mask_path: Path) -> None:
    """Raise DataError, naming both files and shapes, when a mask does not cover its image."""
    if image.shape != labels.shape:
        raise DataError(
            f"{mask_path}: the mask is {labels.shape[0]}x{labels.shape[1]} (rows x columns), "
            f"its image {image_path} is {image.shape[0]}x{image.shape[1]}"
        )


def find_pairs(images: Path, masks: Path) -> dict[str, Pair]:
    """Pair the image files of two folders by stem. Masks without an image are left out.

    Raises DataError when there is no image, or an image without a mask (naming the first and how many).
    """
    image_files, mask_files = find_images(images), find_images(masks)
    if not image_files:
        raise DataError(f"{images}: no PNG or TIFF image in it")
    missing = [stem for stem in image_files if stem not in mask_files]
    if missing:
        more = f" ({len(missing)} of {len(image_files)} images have none)" if len(missing) > 1 else ""
        raise DataError(f"{image_files[missing[0]]}: no mask {missing[0]}.png or .tif in {masks}{more}")
    return {stem: Pair(path, mask_files[stem]) for stem, path in image_files.items()}
