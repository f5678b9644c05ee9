"""What a data set is: named splits of ids, each id one image with its truth."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fcrbench.errors import UsageError


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


class Dataset(ABC):
    """Base class of all data sets. Building one reads folder listings only; `load` reads pixels."""

    name: ClassVar[str]
    title: ClassVar[str]  # one line: what is in the pictures
    licence: ClassVar[str]
    citation: ClassVar[str]
    source: ClassVar[str]  # where it is published
    needs_root: ClassVar[bool]  # whether it is built from a folder of the user's
    how_to_get: ClassVar[str]  # what a user without the files does

    @property
    @abstractmethod
    def splits(self) -> Mapping[str, tuple[str, ...]]:
        """Ids by split name: "train" and "val", and "test" where there is one. Deterministic."""

    @abstractmethod
    def load(self, sample_id: str) -> Sample:
        """Read one field. Raises DataError naming the file when it cannot be used."""

    def samples(self, split: str) -> Iterator[Sample]:
        """The fields of one split, read one at a time, in the split's order.

        Raises UsageError at once for a split the data set does not have.
        """
        if split not in self.splits:
            raise UsageError(f"data set {self.name} has no split {split!r}, only {', '.join(self.splits)}")
        return map(self.load, self.splits[split])
