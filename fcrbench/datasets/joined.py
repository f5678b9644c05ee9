"""Several data sets as one, for a model of many kinds of image."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fcrbench.datasets.base import Dataset, DatasetSpec
from fcrbench.datasets.registry import create
from fcrbench.errors import DataError, UsageError
from fcrbench.io.choice import ANY


@dataclass(frozen=True)
class Options:
    """parts  "name=folder", or the name alone of one that needs no folder; two or more"""

    parts: tuple[str, ...] = ()


SPEC = DatasetSpec(
    name="joined",
    title="several data sets as one: their train, val and test splits put together",
    licence="those of its parts",
    citation="those of its parts",
    source="its parts",
    needs_root=False,
    how_to_get="""--set 'dataset.options.parts=["bbbc039=data/bbbc039", "dsb2018=data/dsb2018"]'""",
    factory="fcrbench.datasets.joined:JoinedDataset",
    options=Options,
)


class JoinedDataset(Dataset):
    """The fields of several data sets, split by split; "-" parts the name of a data set and its id."""

    spec = SPEC
    options: Options

    def __init__(self, root: str | os.PathLike[str] | None = None, options: Any = None) -> None:
        super().__init__(root, options)
        parts = self.options.parts
        if len(parts) < 2:
            raise UsageError(
                f"data set joined: parts is {list(parts)}, expected two or more: {SPEC.how_to_get}"
            )
        self.parts: dict[str, Dataset] = {}
        for part in parts:
            name, given, folder = part.partition("=")
            if name == self.name or name in self.parts:
                raise UsageError(f"data set joined: {part!r} names a data set that is a part already")
            self.parts[name] = create(name, folder if given else None)

    def list_splits(self) -> Mapping[str, tuple[str, ...]]:
        """The ids of the parts after the parts' names. Raises DataError where two parts hold one field."""
        self._check_apart()
        joined: dict[str, tuple[str, ...]] = {}
        for name, part in self.parts.items():
            for split, ids in part.splits.items():
                joined[split] = joined.get(split, ()) + tuple(f"{name}-{id_}" for id_ in ids)
        return joined

    def read(self, sample_id: str) -> tuple[np.ndarray, np.ndarray]:
        """The field as its part reads it."""
        name, id_ = self._places[sample_id]
        part = self.parts[name]
        if part.choice == ANY:
            part.choice = self.choice
        return part.read(id_)

    @cached_property
    def _places(self) -> dict[str, tuple[str, str]]:
        """Part and id within it, by id."""
        return {
            f"{name}-{id_}": (name, id_)
            for name, part in self.parts.items()
            for ids in part.splits.values()
            for id_ in ids
        }

    def _check_apart(self) -> None:
        """Fields of one id in two parts are other images, as `sample` and `bbbc039` are not."""
        seen: dict[str, tuple[str, str]] = {}  # id -> part and split
        for name, part in self.parts.items():
            for split, ids in part.splits.items():
                for id_ in ids:
                    first, place = seen.setdefault(id_, (name, split))
                    if first == name:
                        continue
                    if np.array_equal(self.parts[first].load(id_).image, part.load(id_).image):
                        raise DataError(
                            f"data set joined: field {id_} is listed in both {place} of {first} and {split} "
                            f"of {name}, with the same image"
                        )
