"""What a data set is: a light description, and a class that lists splits of ids and reads their fields."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fcrbench.datasets.invariants import check_field, check_splits
from fcrbench.datasets.layout import existing_folder
from fcrbench.datasets.relabel import consecutive
from fcrbench.errors import DataError, UsageError
from fcrbench.io.choice import ANY, Choice
from fcrbench.plugins import check_spec

if TYPE_CHECKING:
    from fcrbench.label_checks import Findings


@dataclass(frozen=True, slots=True)
class Sample:
    """One annotated field.

    id      unique within its data set, usable as a file name
    image   (H, W), the native integer or float dtype of the file, values unchanged
    labels  (H, W) int32, 0 = background, objects 1..N in raster order of their first pixel
    """

    id: str
    image: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class NoOptions:
    """The options of a data set that has none."""


@dataclass(frozen=True)
class DatasetSpec:
    """Describes a data set without reading it; what an entry point of `fcrbench.datasets` names.

    name        as in `--dataset NAME`
    title       one line: what is in the pictures
    licence     of the pictures
    citation    what a paper that uses them cites
    source      where they are published
    needs_root  whether it is built from a folder of the user's
    how_to_get  what a user without the files does
    factory     "module:Class" of the Dataset, imported when one is created
    options     a frozen dataclass: every option of the data set with its default
    """

    name: str
    title: str
    licence: str
    citation: str
    source: str
    needs_root: bool
    how_to_get: str
    factory: str
    options: type = NoOptions

    def __post_init__(self) -> None:
        check_spec(f"DatasetSpec {self.name!r}", self.factory, self.options)


class Dataset(ABC):
    """Base class of all data sets. A subclass names its `spec` and implements `list_splits` and `read`.

    `splits` and `load` check what these return, so that they hold for every data set: no field is listed
    twice, and labels are numbered 1..N.

    root      the user's folder, which exists; only where `spec.needs_root`
    options   an instance of `spec.options`
    choice    the channel and plane that are read of image files with several, see `io.choice`; a data set
              that reads files as the user gives them obeys it. Weights remember it
    findings  what the labels of the fields that were loaded look like, if not like label images
    """

    spec: ClassVar[DatasetSpec]
    root: Path
    options: Any

    def __init__(self, root: str | os.PathLike[str] | None = None, options: Any = None) -> None:
        if root is not None:
            self.root = existing_folder(root)
        self.options = self.spec.options() if options is None else options
        self.choice: Choice = ANY

    @cached_property
    def findings(self) -> "Findings":
        from fcrbench.label_checks import Findings

        return Findings()

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for checked, own in (("splits", "list_splits"), ("load", "read")):
            if checked in cls.__dict__:
                raise TypeError(
                    f"{cls.__name__} overrides {checked}, which checks what {own} returns; override {own}"
                )

    @abstractmethod
    def list_splits(self) -> Mapping[str, Sequence[str]]:
        """Ids by split name: "train" and "val", and "test" where there is one. Deterministic.

        Called once, when the splits are first asked for. An id names one field and is usable as a file name.
        """

    @abstractmethod
    def read(self, sample_id: str) -> tuple[np.ndarray, np.ndarray]:
        """Image and labels of a listed field. Raises DataError naming the file when it cannot be used.

        The image is (H, W) in the native integer or float dtype of the file. The labels are (H, W) of any
        integer dtype, 0 = background, one positive id for each object; `load` numbers them 1..N.
        """

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def title(self) -> str:
        return self.spec.title

    @property
    def licence(self) -> str:
        return self.spec.licence

    @property
    def citation(self) -> str:
        return self.spec.citation

    @property
    def source(self) -> str:
        return self.spec.source

    @cached_property
    def splits(self) -> Mapping[str, tuple[str, ...]]:
        """Ids by split name. Each names one field, and none is listed twice, in one split or in two.

        Raises DataError naming the id and its splits where `list_splits` lists a field twice, or none at all.
        """
        splits = {split: tuple(ids) for split, ids in self.list_splits().items()}
        check_splits(splits, f"data set {self.name}")
        if not any(splits.values()):
            where = f"{self.root}: " if self.spec.needs_root else ""
            raise DataError(f"{where}data set {self.name} lists no field; to get it: {self.spec.how_to_get}")
        return splits

    def load(self, sample_id: str) -> Sample:
        """Read one field. Raises UsageError for an id that is not listed, DataError for unusable files."""
        if sample_id not in self._listed:
            raise UsageError(f"no field {sample_id!r} in the data set {self.name}")
        # Listing data sets does not load the kernels.
        from fcrbench.label_checks import looks_like
        from fcrbench.labels import to_numpy

        where = f"data set {self.name}: field {sample_id}"
        found = self.read(sample_id)
        try:
            image, labels = (to_numpy(x, name) for x, name in zip(found, ("image", "labels"), strict=True))
        except ValueError as error:  # masked pixels, or not two arrays
            raise DataError(f"{where}: {error}") from error
        check_field(image, labels, where)
        if sample_id not in self._examined:
            self._examined.add(sample_id)
            self.findings.add(sample_id, {"truth": looks_like(labels)})
        return Sample(sample_id, image, consecutive(labels))

    def samples(self, split: str) -> Iterator[Sample]:
        """The fields of one split, read one at a time, in the split's order.

        Raises UsageError at once for a split the data set does not have.
        """
        if split not in self.splits:
            raise UsageError(f"data set {self.name} has no split {split!r}, only {', '.join(self.splits)}")
        return map(self.load, self.splits[split])

    @cached_property
    def _examined(self) -> set[str]:
        return set()

    @cached_property
    def _listed(self) -> frozenset[str]:
        return frozenset(id_ for ids in self.splits.values() for id_ in ids)
