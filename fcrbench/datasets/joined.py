"""Several data sets as one, for a model of many kinds of image."""

from collections.abc import Mapping
from functools import cached_property

from fcrbench.datasets.base import Dataset, Sample
from fcrbench.datasets.registry import create
from fcrbench.errors import UsageError


class JoinedDataset(Dataset):
    """The fields of several data sets, split by split; "-" parts the name of a data set and its id.

    parts   "name=folder", or the name alone of one that needs no folder; two or more
    """

    name = "joined"
    title = "several data sets as one: their train, val and test splits put together"
    licence = "those of its parts"
    citation = "those of its parts"
    source = "its parts"
    needs_root = False
    how_to_get = """--set 'dataset.options.parts=["bbbc039=data/bbbc039", "dsb2018=data/dsb2018"]'"""

    def __init__(self, *, parts: tuple[str, ...] = ()) -> None:
        if len(parts) < 2:
            raise UsageError(
                f"data set joined: parts is {list(parts)}, expected two or more: {self.how_to_get}"
            )
        self.parts: dict[str, Dataset] = {}
        for part in parts:
            name, given, root = part.partition("=")
            if name == self.name or name in self.parts:
                raise UsageError(f"data set joined: {part!r} names a data set that is a part already")
            self.parts[name] = create(name, root if given else None)

    @cached_property
    def splits(self) -> Mapping[str, tuple[str, ...]]:
        joined: dict[str, tuple[str, ...]] = {}
        for name, part in self.parts.items():
            for split, ids in part.splits.items():
                joined[split] = joined.get(split, ()) + tuple(f"{name}-{id_}" for id_ in ids)
        return joined

    def load(self, sample_id: str) -> Sample:
        """Read one field. Raises UsageError for an unknown id, DataError for files that do not fit."""
        name, _, id_ = sample_id.partition("-")
        if name not in self.parts:
            raise UsageError(f"no field {sample_id!r} in the data set {self.name}")
        sample = self.parts[name].load(id_)
        return Sample(sample_id, sample.image, sample.labels)
