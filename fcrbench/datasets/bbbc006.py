"""BBBC006: the data set of the paper. U2OS cells, Hoechst, a plate imaged at 34 depths."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fcrbench.datasets.base import DatasetSpec
from fcrbench.datasets.layout import unnested
from fcrbench.datasets.pairs import Pair, PairedDataset, PairedOptions, find_pairs
from fcrbench.datasets.splitting import seeded_split
from fcrbench.errors import DataError, UsageError
from fcrbench.io import find_images

# The uuid follows the channel without a separator and differs in every plane, so it pairs nothing.
_IMAGE = re.compile(r"(?P<field>.*_[a-p]\d\d_s\d)_w(?P<channel>\d)[0-9a-f]{8}-[0-9a-f-]{27}", re.IGNORECASE)
_FIELDS, _TRAIN = 768, 604  # the paper trains on 604 fields and evaluates on 164


@dataclass(frozen=True)
class Options(PairedOptions):
    """The authors' code uses a min_size of 25 and min_objects of 2.

    z        plane 0..33, 2 um apart; 16 is the best focus and the one that was labelled
    channel  1 Hoechst (nuclei), 2 phalloidin
    seed     of the split: 604 training and 164 validation fields as in the paper, which publishes no
             list; in that proportion when there are fewer fields
    by_well  keep the two sites of a well, which look alike, on one side of the split
    """

    z: int = 16
    channel: int = 1
    seed: int = 0
    by_well: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.z <= 33:
            raise UsageError(f"z is {self.z}, expected a plane 0 to 33")
        if self.channel not in (1, 2):
            raise UsageError(f"channel is {self.channel}, expected 1 (Hoechst) or 2 (phalloidin)")


SPEC = DatasetSpec(
    name="bbbc006",
    title="BBBC006v1: 768 fields of U2OS nuclei, Hoechst, 520x696, 16-bit, labelled by CellProfiler",
    licence="CC0 1.0",
    citation=(
        "We used image set BBBC006v1 from the Broad Bioimage Benchmark Collection "
        "[Ljosa et al., Nature Methods 9:637, 2012]"
    ),
    source="https://bbbc.broadinstitute.org/BBBC006",
    needs_root=True,
    how_to_get="fcrbench data fetch bbbc006 (about 850 MB)",
    factory="fcrbench.datasets.bbbc006:Bbbc006Dataset",
    options=Options,
)


class Bbbc006Dataset(PairedDataset):
    """BBBC006v1 in either of two layouts, told apart by what is in `root`.

    Official archives: BBBC006_v1_images_z_NN/*.tif and BBBC006_v1_labels/*.png, also when unzipping left a
    second folder of the same name inside; image and label are paired by well and site. Flat: images/ and
    masks/ by stem. Label ids have gaps and are renumbered; the labels come from CellProfiler, not by hand.
    """

    spec = SPEC
    options: Options

    def find(self) -> tuple[Mapping[str, Pair], Mapping[str, Sequence[str]]]:
        """The pairs of the layout that is there, split by the seed."""
        if _is_official(self.root):
            pairs = _official_pairs(self.root, self.options.z, self.options.channel)
        else:
            pairs = find_pairs(self.root / "images", self.root / "masks")
        group = _well if self.options.by_well else None
        return pairs, seeded_split(pairs, 1 - _TRAIN / _FIELDS, self.options.seed, group)


def _is_official(root: Path) -> bool:
    return any(root.glob("BBBC006_v1_*")) or not (root / "images").is_dir()


def _official_pairs(root: Path, z: int, channel: int) -> dict[str, Pair]:
    folder = unnested(root / f"BBBC006_v1_images_z_{z:02d}")
    labels = find_images(unnested(root / "BBBC006_v1_labels"))
    pairs: dict[str, Pair] = {}
    for stem, path in find_images(folder).items():
        match = _IMAGE.fullmatch(stem)
        if match is None or int(match["channel"]) != channel:
            continue
        field = match["field"]
        if field in pairs:
            raise DataError(f"{path}: a second image of {field}, the first is {pairs[field].image.name}")
        if field not in labels:
            raise DataError(f"{path}: no label {field}.png in {root / 'BBBC006_v1_labels'}")
        pairs[field] = Pair(path, labels[field])
    if not pairs:
        raise DataError(f"{folder}: no image named like <plate>_<well>_s<site>_w{channel}<uuid>.tif in it")
    return pairs


def _well(field: str) -> str:
    return field.rpartition("_s")[0]
