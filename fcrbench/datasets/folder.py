"""The user's own images: a folder with images/ and masks/."""

import os

from fcrbench.datasets.layout import existing_folder
from fcrbench.datasets.pairs import Pair, PairedDataset, find_pairs
from fcrbench.datasets.splitting import seeded_split
from fcrbench.errors import DataError

_SPLITS = ("train", "val", "test")


class FolderDataset(PairedDataset):
    """PNG or TIFF files paired by stem: images/cell7.tif with masks/cell7.png.

    With train/ and val/ (and perhaps test/) in `root`, each holds its own images/ and masks/ and the split
    is theirs; otherwise `root` holds images/ and masks/, split by `seed` with `val_fraction` in "val".

    val_fraction  share of the fields that validate, 0 to 1
    seed          of the split
    min_size, min_objects  see PairedDataset
    """

    name = "folder"
    title = "your own images: images/ and masks/ by stem, optionally below train/ and val/"
    licence = "yours"
    citation = "none"
    source = "your own folder"
    needs_root = True
    how_to_get = "put gray images in images/ and label images of the same stem in masks/"

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        val_fraction: float = 0.2,
        seed: int = 0,
        min_size: int = 0,
        min_objects: int = 0,
    ) -> None:
        folder = existing_folder(root)
        parts = [split for split in _SPLITS if (folder / split).is_dir()]
        pairs: dict[str, Pair] = {}
        splits: dict[str, tuple[str, ...]] = {}
        if parts:
            for split in ("train", "val"):
                existing_folder(folder / split)
            for split in parts:
                found = find_pairs(folder / split / "images", folder / split / "masks")
                twice = [stem for stem in found if stem in pairs]
                if twice:
                    raise DataError(f"{found[twice[0]].image}: the same stem as {pairs[twice[0]].image}")
                pairs |= found
                splits[split] = tuple(found)
        else:
            pairs = find_pairs(folder / "images", folder / "masks")
            splits = seeded_split(pairs, val_fraction, seed)
        super().__init__(pairs, splits, min_size=min_size, min_objects=min_objects)
