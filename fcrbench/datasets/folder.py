"""The user's own images: a folder with images/ and masks/."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fcrbench.datasets.base import DatasetSpec
from fcrbench.datasets.layout import existing_folder
from fcrbench.datasets.pairs import Pair, PairedDataset, PairedOptions, find_pairs
from fcrbench.datasets.splitting import seeded_split
from fcrbench.errors import DataError
from fcrbench.io.choice import Choice

_SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Options(PairedOptions):
    """
    val_fraction  share of the fields that validate, 0 to 1
    seed          of the split
    channel       of images with several: an index from 0 or a name; "" for the only one
    plane         of images with several: an index from 0, "max", "mean" or "sharpest"; "" for the only one
    """

    val_fraction: float = 0.2
    seed: int = 0
    channel: int | str = ""
    plane: int | str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        Choice(self.channel, self.plane)


SPEC = DatasetSpec(
    name="folder",
    title="your own images: images/ and masks/ by stem, optionally below train/ and val/",
    licence="yours",
    citation="none",
    source="your own folder",
    needs_root=True,
    how_to_get="put images in images/ and label images of the same stem, or stem_masks, in masks/",
    factory="fcrbench.datasets.folder:FolderDataset",
    options=Options,
)


class FolderDataset(PairedDataset):
    """PNG or TIFF files paired by name: images/cell7.tif with masks/cell7.png, see `io.pairing`.

    Folders in images/ and masks/ are searched, too. Without images/ and masks/, the images are paired with
    the masks beside them, as in the training data of Cellpose: cell7_img.png with cell7_masks.png.

    With train/ and val/ (and perhaps test/) in `root`, each holds its own images/ and masks/ and the split
    is theirs; otherwise `root` holds images/ and masks/, split by `seed` with `val_fraction` in "val".
    """

    spec = SPEC
    options: Options

    def __init__(self, root: str | os.PathLike[str] | None = None, options: Any = None) -> None:
        super().__init__(root, options)
        self.choice = Choice(self.options.channel, self.options.plane)

    def find(self) -> tuple[Mapping[str, Pair], Mapping[str, Sequence[str]]]:
        """The pairs of the split folders, or of the folder, then split by the seed."""
        parts = [split for split in _SPLITS if (self.root / split).is_dir()]
        if not parts:
            pairs = _pairs_in(self.root)
            if len(pairs) == 1 and 0 < self.options.val_fraction < 1:
                raise DataError(
                    f"{self.root}: only one image with a mask, which cannot both train and validate; add "
                    "another one (it may be a part of the first), or make train/ and val/, each with images/ "
                    "and masks/"
                )
            return pairs, seeded_split(pairs, self.options.val_fraction, self.options.seed)
        for split in ("train", "val"):
            existing_folder(self.root / split)
        pairs = {}
        splits: dict[str, tuple[str, ...]] = {}
        for split in parts:
            found = _pairs_in(self.root / split)
            twice = [stem for stem in found if stem in pairs]
            if twice:
                raise DataError(f"{found[twice[0]].image}: the same stem as {pairs[twice[0]].image}")
            pairs |= found
            splits[split] = tuple(found)
        return pairs, splits


def _pairs_in(folder: Path) -> Mapping[str, Pair]:
    """Pair images/ with masks/; if there is neither, pair the images in the folder with the masks in it."""
    images, masks = folder / "images", folder / "masks"
    if images.is_dir() or masks.is_dir():
        return find_pairs(images, masks, recursive=True)
    return find_pairs(folder, folder, recursive=True)
