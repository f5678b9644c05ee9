"""BBBC039: nuclei of U2OS cells in a chemical screen, as the archives unpack or as flat label images."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fcrbench.datasets.base import DatasetSpec
from fcrbench.datasets.layout import unnested
from fcrbench.datasets.pairs import Pair, PairedDataset, PairedOptions, find_pairs
from fcrbench.errors import DataError
from fcrbench.io import read_labels
from fcrbench.io.decode import decode

_SPLITS = {"training": "train", "validation": "val", "test": "test"}  # official name -> ours


@dataclass(frozen=True)
class Options(PairedOptions):
    """allow_missing  use the fields that are there when some of a split list are not (default: an error)"""

    allow_missing: bool = False


SPEC = DatasetSpec(
    name="bbbc039",
    title="BBBC039v1: 200 fields of U2OS nuclei, Hoechst, 520x696, 16-bit, annotated by hand",
    licence="CC0 1.0",
    citation=(
        "Caicedo et al., Cytometry Part A 95:952-965 (2019); image set BBBC039v1 from the Broad Bioimage "
        "Benchmark Collection, Ljosa et al., Nature Methods 9:637 (2012)"
    ),
    source="https://bbbc.broadinstitute.org/BBBC039",
    needs_root=True,
    how_to_get="fcrbench data fetch bbbc039",
    factory="fcrbench.datasets.bbbc039:Bbbc039Dataset",
    options=Options,
)


class Bbbc039Dataset(PairedDataset):
    """BBBC039v1 in either of two layouts, told apart by what is in `root`.

    Official archives: images/*.tif, masks/*.png (RGBA), metadata/{training,validation,test}.txt. The red
    channel of a mask is a colouring of touching nuclei, not an id: objects are the 8-connected components of
    equal red value. Flat: images/, masks/ (label images) and index.csv with the columns stem and split.
    """

    spec = SPEC
    options: Options

    def find(self) -> tuple[Mapping[str, Pair], Mapping[str, Sequence[str]]]:
        """The pairs, and the fields of the split lists that are there."""
        pairs = find_pairs(unnested(self.root / "images"), unnested(self.root / "masks"))
        lists = read_split_lists(self.root)
        return pairs, select_present(lists, pairs, self.root, self.options.allow_missing)

    def read_mask(self, path: Path) -> np.ndarray:
        """A flat label image, or an official RGBA mask; told apart by the number of channels."""
        array = decode(path, indexed=True).pixels
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


def read_split_lists(root: Path) -> dict[str, list[str]]:
    """Our split name -> the stems listed for it, from metadata/*.txt or index.csv."""
    metadata, index = unnested(root / "metadata"), root / "index.csv"
    lists: dict[str, list[str]] = {}
    if metadata.is_dir():
        for official in _SPLITS:
            file = metadata / f"{official}.txt"
            if file.is_file():
                lists[official] = [Path(line.strip()).stem for line in _lines(file) if line.strip()]
        if not lists:
            raise DataError(f"{metadata}: none of {', '.join(f'{name}.txt' for name in _SPLITS)} in it")
    elif index.is_file():
        for row in csv.DictReader(_lines(index)):
            if not row.get("stem") or row.get("split") not in _SPLITS:
                raise DataError(
                    f"{index}: a row with stem {row.get('stem')!r} and split {row.get('split')!r}, "
                    f"expected a stem and one of {', '.join(_SPLITS)}"
                )
            lists.setdefault(row["split"], []).append(row["stem"])
    else:
        raise DataError(f"{root}: neither metadata/training.txt nor index.csv, so the splits are not known")
    return {_SPLITS[official]: lists[official] for official in _SPLITS if official in lists}


def select_present(
    lists: dict[str, list[str]], pairs: dict[str, Pair], root: Path, allow_missing: bool
) -> dict[str, list[str]]:
    """The sorted lists without stems that have no files; without `allow_missing` such a stem is an error."""
    listed = [stem for stems in lists.values() for stem in stems]
    missing = [stem for stem in listed if stem not in pairs]
    if len(missing) == len(listed):
        raise DataError(f"{root}: no image in {root / 'images'} is named in a split list")
    if missing and not allow_missing:
        raise DataError(
            f"{root}: {len(missing)} of {len(listed)} fields named in the split lists have no image, "
            f"the first {missing[0]}; allow_missing uses the others"
        )
    return {split: sorted(stem for stem in stems if stem in pairs) for split, stems in lists.items()}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
