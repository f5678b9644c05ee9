"""Data Science Bowl 2018 (BBBC038): nuclei of many kinds; here the fluorescence images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fcrbench.datasets.base import DatasetSpec
from fcrbench.datasets.layout import unnested
from fcrbench.datasets.pairs import Pair, PairedDataset, PairedOptions, check_shapes, find_pairs
from fcrbench.datasets.splitting import seeded_split
from fcrbench.errors import DataError
from fcrbench.io import find_images, read_image
from fcrbench.io.decode import decode

# One field photographed twice: on both sides of a split it would leak.
_NEAR_DUPLICATES = (
    "20b20ab049372d184c705acebe7af026d3580f5fd5a72ed796e3622e1685af2f",
    "cb4df20a83b2f38b394c67f1d9d4aef29f9794d5345da3576318374ec3a11490",
)

# BBBC039 fields too, 25 of its training split, 9 of validation, 9 of test: the start of their ids.
_IN_BBBC039 = frozenset(
    """
    10ba6cbe 175dbb36 1b518cd2 1c8b905c 1f6b7cea 2abc40c1 2cfa61be 3ebd2ab3 3f9fc8e6 4596961c
    49edc2f7 4d2cff9a 53ad09e4 5f9d29d6 61dc2493 62057502 6b6d4e6f 6b72b61b 6fe2df6d 700afb1c
    76faaed5 87642352 958114e5 98a46348 a02ec007 a486f6ed a65bbfc5 a7a581e6 a891bbc8 aaa52100
    b1f23c4d b76ff33a bb8ebf46 bbfc4aab bde3727f c44ed955 cc886273 d5295810 dd54adb8 e52960d3
    e5a6c5e0 e7a3a7c9 ecb36c90
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Options(PairedOptions):
    """
    val_fraction  share of the fields that validate, 0 to 1; there is no official split
    seed          of the split; the near-duplicate pair 20b20ab0..., cb4df20a... stays on one side
    with_bbbc039  keep the 43 fields that are BBBC039 fields too; without them a model may be trained on one
                  data set and scored on the other
    """

    val_fraction: float = 0.2
    seed: int = 0
    with_bbbc039: bool = False


SPEC = DatasetSpec(
    name="dsb2018",
    title="Data Science Bowl 2018 stage1_train (BBBC038v1), its fluorescence images, 8-bit, many kinds",
    licence="CC0 1.0",
    citation="Caicedo et al., Nature Methods 16:1247-1253 (2019); image set BBBC038v1",
    source="https://bbbc.broadinstitute.org/BBBC038",
    needs_root=True,
    how_to_get="fcrbench data fetch dsb2018",
    factory="fcrbench.datasets.dsb2018:Dsb2018Dataset",
    options=Options,
)


class Dsb2018Dataset(PairedDataset):
    """stage1_train in either of two layouts, told apart by what is in `root`.

    Kaggle: stage1_train/<id>/images/<id>.png and masks/*.png, one file per nucleus; `root` holds
    stage1_train or is it. A pixel in two nuclei goes to the smaller one. Only fluorescence images are
    kept, by this rule: red = green = blue at every pixel, and a median below the middle of the dtype's
    range, since the background is dark and covers most of the picture (the brightest median among the 424
    fluorescence images at hand is 44 of 255). Flat: images/ and masks/ by stem, all kept.
    """

    spec = SPEC
    options: Options

    def find(self) -> tuple[Mapping[str, Pair], Mapping[str, Sequence[str]]]:
        """The pairs; their splits take reading images."""
        root = self.root
        if (root / "images").is_dir() and (root / "masks").is_dir():
            pairs = find_pairs(root / "images", root / "masks")
        else:
            pairs = _kaggle_pairs(root)
        if not self.options.with_bbbc039:
            pairs = {id_: pair for id_, pair in pairs.items() if id_[:8] not in _IN_BBBC039}
        return pairs, {}

    def listed_splits(self) -> Mapping[str, Sequence[str]]:
        """Seeded split of the flat fields, or of the Kaggle fields that pass the rule above."""
        kept = [id_ for id_, pair in self.pairs.items() if pair.mask.is_file() or is_fluorescence(pair.image)]
        if not kept:
            raise DataError(f"{self.root}: none of {len(self.pairs)} images is a gray fluorescence image")
        return seeded_split(kept, self.options.val_fraction, self.options.seed, _group)

    def read_mask(self, path: Path) -> np.ndarray:
        """A flat label image, or the folder with one PNG per nucleus."""
        return merge_nuclei(path) if path.is_dir() else super().read_mask(path)


def is_fluorescence(path: Path) -> bool:
    """Whether an image is gray with a dark background: the rule stated in Dsb2018Dataset."""
    channels = decode(path).pixels
    gray = channels if channels.ndim == 2 else channels[0]
    if channels.ndim == 3 and not (channels[: 3 if len(channels) >= 3 else 1] == gray).all():
        return False
    top = np.iinfo(gray.dtype).max if gray.dtype.kind == "u" else 1.0
    return float(np.median(gray)) < top / 2


def merge_nuclei(folder: Path) -> np.ndarray:
    """One mask file per nucleus -> labels (H, W) int32; a pixel claimed twice goes to the smaller nucleus."""
    files = list(find_images(folder).values())
    if not files:
        raise DataError(f"{folder}: no mask in it")
    first = read_image(files[0])
    labels = np.zeros(first.shape, dtype=np.int32)
    nuclei: list[np.ndarray] = []
    for file in files:
        mask = first if file == files[0] else read_image(file)
        check_shapes(first, files[0], mask, file)
        nuclei.append(np.flatnonzero(mask))
    # Larger first, so that the smaller one is painted over it; the sort is stable, ties by file name.
    for number, pixels in enumerate(sorted(nuclei, key=len, reverse=True), start=1):
        labels.reshape(-1)[pixels] = number
    return labels


def _kaggle_pairs(root: Path) -> dict[str, Pair]:
    folder = unnested(root / "stage1_train") if (root / "stage1_train").is_dir() else root
    pairs: dict[str, Pair] = {}
    for field in sorted(folder.iterdir()):
        if field.name.startswith(".") or not (field / "images").is_dir():
            continue
        images = find_images(field / "images")
        if len(images) != 1:
            raise DataError(f"{field / 'images'}: {len(images)} images, expected one")
        if not (field / "masks").is_dir():
            raise DataError(f"{next(iter(images.values()))}: no masks folder {field / 'masks'}")
        pairs[field.name] = Pair(next(iter(images.values())), field / "masks")
    if not pairs:
        raise DataError(f"{folder}: neither images/ and masks/ nor folders <id>/images and <id>/masks in it")
    return pairs


def _group(id_: str) -> str:
    return _NEAR_DUPLICATES[0] if id_ in _NEAR_DUPLICATES else id_
