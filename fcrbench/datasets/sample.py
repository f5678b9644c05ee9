"""The embedded data set: real fields that come with the package."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fcrbench.datasets.base import Dataset, DatasetSpec
from fcrbench.io import find_images, read_image, read_labels

DATA = Path(__file__).parent / "data" / "sample"

SPEC = DatasetSpec(
    name="sample",
    title="46 fields of BBBC039: U2OS nuclei, Hoechst, 520x696, 16-bit; comes with the package",
    licence="CC0 1.0",
    citation=(
        "BBBC039v1, Caicedo et al., Cytometry Part A 95:952-965 (2019), from the Broad Bioimage Benchmark "
        "Collection, Ljosa et al., Nature Methods 9:637 (2012)"
    ),
    source="https://bbbc.broadinstitute.org/BBBC039",
    needs_root=False,
    how_to_get="nothing to do: installed with fcrbench",
    factory="fcrbench.datasets.sample:SampleDataset",
)


class SampleDataset(Dataset):
    """46 BBBC039 fields at native size and depth: 36 of the official training split, 10 of its validation
    split, chosen evenly over the sorted file names. data/sample/NOTICE.md has source, rule and hashes."""

    spec = SPEC

    def list_splits(self) -> Mapping[str, tuple[str, ...]]:
        """The stems of the images of each split."""
        return {split: tuple(find_images(DATA / split / "images")) for split in ("train", "val")}

    def read(self, sample_id: str) -> tuple[np.ndarray, np.ndarray]:
        """The pixels of both files."""
        folder = DATA / ("train" if sample_id in self.splits["train"] else "val")
        return (
            read_image(folder / "images" / f"{sample_id}.tif"),
            read_labels(folder / "masks" / f"{sample_id}.tif"),
        )
