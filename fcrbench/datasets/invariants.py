"""What holds for every data set: how its fields are listed, and what a field is."""

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fcrbench.errors import DataError
from fcrbench.text import to_unicode


def check_splits(splits: Mapping[str, Sequence[str]], where: str) -> None:
    """Raise DataError for an id that is listed twice, or that cannot name a file.

    Ids that differ only in upper and lower case, or in the Unicode form of an accent, are one name on some
    disks: the files of one field would replace those of the other.
    """
    seen: dict[str, tuple[str, str]] = {}  # name on such a disk -> id and split
    for split, ids in splits.items():
        for id_ in ids:
            if not _names_a_file(id_):
                raise DataError(f"{where}: the id {id_!r} in {split} cannot be used as a file name")
            first, place = seen.setdefault(unicodedata.normalize("NFC", id_).casefold(), (id_, split))
            if first != id_:
                raise DataError(
                    f"{where}: {first!r} in {place} and {id_!r} in {split} differ only in upper and lower "
                    "case or in how accents are encoded; expected ids that stay apart on every disk"
                )
            if place != split:
                raise DataError(f"{where}: field {id_} is listed in both {place} and {split}")
        if len(set(ids)) < len(ids):
            twice = next(id_ for id_ in ids if ids.count(id_) > 1)
            raise DataError(f"{where}: field {twice} is listed twice in {split}")


def check_field(image: np.ndarray, labels: np.ndarray, where: str) -> None:
    """Raise DataError for an image or labels that no field can have."""
    if image.ndim != 2 or image.dtype.kind not in "uif":
        raise DataError(
            f"{where}: the image is {image.dtype} {image.shape}, expected integers or floats (rows, columns)"
        )
    if labels.dtype.kind not in "ui":
        raise DataError(f"{where}: the labels are {labels.dtype}, expected integers")
    if labels.shape != image.shape:
        raise DataError(f"{where}: the labels are {labels.shape}, the image is {image.shape}")
    if labels.min(initial=0) < 0:
        raise DataError(f"{where}: the labels hold {labels.min()}, expected 0 and positive ids")


def _names_a_file(id_: object) -> bool:
    return (
        isinstance(id_, str)
        and id_ != ""
        and Path(id_).name == id_
        and not id_.startswith(".")
        and "\0" not in id_
        and to_unicode(id_) == id_  # tables and records hold valid text only
    )
