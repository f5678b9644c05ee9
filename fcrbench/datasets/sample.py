"""The embedded data set: real fields that come with the package."""

from pathlib import Path

from fcrbench.datasets.pairs import PairedDataset, find_pairs

DATA = Path(__file__).parent / "data" / "sample"


class SampleDataset(PairedDataset):
    """46 BBBC039 fields at native size and depth: 36 of the official training split, 10 of its validation
    split, chosen evenly over the sorted file names. data/sample/NOTICE.md has source, rule and hashes."""

    name = "sample"
    title = "46 fields of BBBC039: U2OS nuclei, Hoechst, 520x696, 16-bit; comes with the package"
    licence = "CC0 1.0"
    citation = (
        "BBBC039v1, Caicedo et al., Cytometry Part A 95:952-965 (2019), from the Broad Bioimage Benchmark "
        "Collection, Ljosa et al., Nature Methods 9:637 (2012)"
    )
    source = "https://bbbc.broadinstitute.org/BBBC039"
    needs_root = False
    how_to_get = "nothing to do: installed with fcrbench"

    def __init__(self) -> None:
        parts = {
            split: find_pairs(DATA / split / "images", DATA / split / "masks") for split in ("train", "val")
        }
        super().__init__(
            {stem: pair for part in parts.values() for stem, pair in part.items()},
            {split: tuple(part) for split, part in parts.items()},
        )
