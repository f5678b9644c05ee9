"""Data sets whose fields are one image file and one mask file each."""

import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fcrbench.datasets.base import Dataset
from fcrbench.datasets.relabel import consecutive
from fcrbench.errors import DataError, UsageError
from fcrbench.io import IMAGE_SUFFIXES, read_labels
from fcrbench.io.images import image_of
from fcrbench.io.large import decode_image
from fcrbench.io.pairing import IMAGE_WITH_MASK, pair_files
from fcrbench.io.roles import images_in, labels_in
from fcrbench.text import to_unicode

FOLDER_SEPARATOR = "__"  # in the id of a field that lies in a folder below, because an id names a file


@dataclass(frozen=True, slots=True)
class Pair:
    """The files of one field. `mask` is the label image, in the encoding of its data set."""

    image: Path
    mask: Path


@dataclass(frozen=True)
class PairedOptions:
    """Options of all data sets of pairs.

    min_size     truth objects of fewer pixels become background (0 keeps all)
    min_objects  fields with fewer objects (after min_size) are left out of the splits; to know, every mask
                 is read once, when the splits are first asked for
    label_mask   the masks have one value besides 0, as 255; their 4-connected components become the objects
    """

    min_size: int = 0
    min_objects: int = 0
    label_mask: bool = False

    def __post_init__(self) -> None:
        for option in ("min_size", "min_objects"):
            if getattr(self, option) < 0:
                raise UsageError(f"{option} is {getattr(self, option)}, expected an integer of at least 0")


class PairedDataset(Dataset):
    """Reads pairs of files. A subclass finds the pairs and the splits, and overrides `read_mask` when its
    masks are not plain label images. Its options are PairedOptions, perhaps with more."""

    options: PairedOptions

    def __init__(self, root: str | os.PathLike[str] | None = None, options: Any = None) -> None:
        super().__init__(root, options)
        self.pairs, self.listed = self.find()

    @abstractmethod
    def find(self) -> tuple[Mapping[str, Pair], Mapping[str, Sequence[str]]]:
        """The files of each field by its id, and the ids of each split; folders are listed, no pixel read."""

    def listed_splits(self) -> Mapping[str, Sequence[str]]:
        """The splits before `min_objects`; overridden where finding them takes reading images."""
        return self.listed

    def list_splits(self) -> Mapping[str, Sequence[str]]:
        """The listed splits without the fields of fewer than `min_objects` objects."""
        listed, least = self.listed_splits(), self.options.min_objects
        if least == 0:
            return listed
        kept = {split: tuple(filter(self._has_enough, ids)) for split, ids in listed.items()}
        for split, ids in kept.items():
            if listed[split] and not ids:
                raise DataError(
                    f"data set {self.name}: none of {len(listed[split])} fields of the split {split} has "
                    f"{least} objects (min_objects)"
                )
        return kept

    def read(self, sample_id: str) -> tuple[np.ndarray, np.ndarray]:
        """The pixels of both files. Raises DataError for files that do not fit."""
        pair = self.pairs[sample_id]
        image = image_of(decode_image(pair.image), self.choice, pair.image)
        labels = self._read_labels(pair.mask)
        check_shapes(image, pair.image, labels, pair.mask)
        if self.options.min_size > 1:
            labels = consecutive(labels, self.options.min_size)
        return image, labels

    def read_mask(self, path: Path) -> np.ndarray:
        """The labels (H, W) in one mask file, any integer dtype, 0 = background."""
        return read_labels(path)

    def _read_labels(self, path: Path) -> np.ndarray:
        labels = self.read_mask(path)
        if not self.options.label_mask:
            return labels
        from fcrbench.label_checks import components_of_mask

        return components_of_mask(labels, str(path))

    def _has_enough(self, sample_id: str) -> bool:
        labels = consecutive(self._read_labels(self.pairs[sample_id].mask), self.options.min_size)
        return int(labels.max(initial=0)) >= self.options.min_objects


def check_shapes(image: np.ndarray, image_path: Path, labels: np.ndarray, mask_path: Path) -> None:
    """Raise DataError, naming both files and shapes, when a mask does not cover its image."""
    if image.shape != labels.shape:
        raise DataError(
            f"{mask_path}: the mask is {labels.shape[0]}x{labels.shape[1]} (rows x columns), "
            f"its image {image_path} is {image.shape[0]}x{image.shape[1]}"
        )


def find_pairs(images: Path, masks: Path, *, recursive: bool = False) -> dict[str, Pair]:
    """Pair the images of two folders by name, see `io.pairing`. Masks without an image are left out.

    recursive  also search the folders below; the id of "well_B02/f.tif" is then "well_B02__f"

    Raises DataError when there is no image, an image without a mask (naming the first and how many), or two
    images of one id.
    """
    image_files = images_in(images, recursive=recursive).by_name()
    mask_files = labels_in(masks, recursive=recursive, report=masks != images)
    if not image_files:
        raise DataError(f"{images}: no image in it; expected files ending in {', '.join(IMAGE_SUFFIXES)}")
    partners = pair_files(image_files, mask_files, IMAGE_WITH_MASK, str(images))
    missing = [name for name in image_files if name not in partners]
    if missing:
        more = f" ({len(missing)} of {len(image_files)} images have none)" if len(missing) > 1 else ""
        raise DataError(f"{image_files[missing[0]]}: no mask {missing[0]}.png or .tif in {masks}{more}")
    pairs: dict[str, Pair] = {}
    for name, path in image_files.items():
        id_ = to_unicode(name.replace("/", FOLDER_SEPARATOR))
        if id_ in pairs:
            raise DataError(f"{path} and {pairs[id_].image}: both would be the field {id_}")
        pairs[id_] = Pair(path, partners[name])
    return pairs
