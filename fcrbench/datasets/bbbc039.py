"""BBBC039: nuclei of U2OS cells in a chemical screen, as the archives unpack or as flat label images."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fcrbench.datasets.pairs import Pair, PairedDataset, find_pairs
from fcrbench.errors import DataError
from fcrbench.io import read_labels
from fcrbench.io.decode import decode

_SPLITS = {"training": "train", "validation": "val", "test": "test"}  # official name -> ours


class Bbbc039Dataset(PairedDataset):
    """BBBC039v1 in either of two layouts, told apart by what is in `root`.

    Official archives: images/*.tif, masks/*.png (RGBA), metadata/{training,validation,test}.txt. The red
    channel of a mask is a colouring of touching nuclei, not an id: objects are the 8-connected components of
    equal red value. Flat: images/, masks/ (label images) and index.csv with the columns stem and split.
    Fields of a list whose files are absent are left out, so a part of the data set can be used; an image
    without its mask is an error.
    """

    name = "bbbc039"
    title = "BBBC039v1: 200 fields of U2OS nuclei, Hoechst, 520x696, 16-bit, annotated by hand"
    licence = "CC0 1.0"
    citation = (
        "Caicedo et al., Cytometry Part A 95:952-965 (2019); image set BBBC039v1 from the Broad Bioimage "
        "Benchmark Collection, Ljosa et al., Nature Methods 9:637 (2012)"
    )
    source = "https://bbbc.broadinstitute.org/BBBC039"
    needs_root = True
    how_to_get = "fcrbench data fetch bbbc039"

    def __init__(self, root: str | os.PathLike[str]) -> None:
        root = Path(root)
        pairs = find_pairs(root / "images", root / "masks")
        super().__init__(pairs, read_splits(root, pairs))

    def read_mask(self, path: Path) -> np.ndarray:
        """A flat label image, or an official RGBA mask; told apart by the number of channels."""
        array = decode(path, indexed=True)
        return read_labels(path) if array.ndim == 2 else decode_colours(array, path)


def decode_colours(mask: np.ndarray, path: Path) -> np.ndarray:
    """Official mask (4, H, W) or (3, H, W) -> labels (H, W): 8-connected components of equal red value."""
    from fcrbench.postprocess import label

    if len(mask) not in (3, 4) or mask[1:3].any():
        raise DataError(
            f"{path}: {len(mask)} channels, expected a label image or an official mask "
            "(RGBA with green and blue all 0)"
        )
    labels, _ = label(mask[0], background=0, connectivity=2)
    return np.asarray(labels)


def read_splits(root: Path, pairs: dict[str, Pair]) -> dict[str, Sequence[str]]:
    """Split name -> ids that are present, from metadata/*.txt or index.csv."""
    lists: dict[str, list[str]] = {}
    index = root / "index.csv"
    if (root / "metadata").is_dir():
        for official in _SPLITS:
            file = root / "metadata" / f"{official}.txt"
            if file.is_file():
                lists[official] = [Path(line.strip()).stem for line in _lines(file) if line.strip()]
    elif index.is_file():
        for row in csv.DictReader(_lines(index)):
            if "stem" not in row or "split" not in row:
                raise DataError(f"{index}: columns {', '.join(row)}; expected stem and split among them")
            lists.setdefault(row["split"], []).append(row["stem"])
    else:
        raise DataError(f"{root}: neither metadata/training.txt nor index.csv, so the splits are not known")
    unknown = set(lists) - set(_SPLITS)
    if unknown:
        raise DataError(f"{index}: split {min(unknown)!r}, expected training, validation or test")
    splits = {
        _SPLITS[official]: sorted(stem for stem in lists[official] if stem in pairs)
        for official in _SPLITS
        if official in lists
    }
    if not any(splits.values()):
        raise DataError(f"{root}: no image in {root / 'images'} is named in a split list")
    return dict(splits)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
