"""Data sets whose fields are one image file and one mask file each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
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
    masks are not plain label images.

    min_size     truth objects of fewer pixels become background (0 keeps all)
    min_objects  fields with fewer objects (after min_size) are left out of the splits; to know, every mask
                 is read once, when the splits are first asked for
    """

    def __init__(
        self,
        pairs: Mapping[str, Pair],
        splits: Mapping[str, Sequence[str]],
        *,
        min_size: int = 0,
        min_objects: int = 0,
    ) -> None:
        for option, value in (("min_size", min_size), ("min_objects", min_objects)):
            if not isinstance(value, int) or value < 0:
                raise UsageError(f"{option} is {value!r}, expected an integer of at least 0")
        self._pairs = dict(pairs)
        self._listed = {split: tuple(ids) for split, ids in splits.items()}
        self._min_size, self._min_objects = min_size, min_objects

    @cached_property
    def splits(self) -> Mapping[str, tuple[str, ...]]:
        listed = self.listed_splits()
        if self._min_objects == 0:
            return listed
        kept = {split: tuple(filter(self._has_enough, ids)) for split, ids in listed.items()}
        for split, ids in kept.items():
            if listed[split] and not ids:
                raise DataError(
                    f"data set {self.name}: none of {len(listed[split])} fields of the split {split} has "
                    f"{self._min_objects} objects (min_objects)"
                )
        return kept

    def listed_splits(self) -> Mapping[str, tuple[str, ...]]:
        """The splits before `min_objects`; overridden where finding them takes reading images."""
        return self._listed

    def load(self, sample_id: str) -> Sample:
        """Read one field. Raises UsageError for an unknown id, DataError for files that do not fit."""
        pair = self._pairs.get(sample_id)
        if pair is None:
            raise UsageError(f"no field {sample_id!r} in the data set {self.name}")
        image, labels = read_image(pair.image), self.read_mask(pair.mask)
        check_shapes(image, pair.image, labels, pair.mask)
        return Sample(sample_id, image, consecutive(labels, self._min_size))

    def read_mask(self, path: Path) -> np.ndarray:
        """The labels (H, W) in one mask file, any integer dtype, 0 = background."""
        return read_labels(path)

    def _has_enough(self, sample_id: str) -> bool:
        labels = consecutive(self.read_mask(self._pairs[sample_id].mask), self._min_size)
        return int(labels.max(initial=0)) >= self._min_objects


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
