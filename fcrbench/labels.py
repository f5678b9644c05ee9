"""Label images: what is one, and hash tables of their objects and overlaps that grow as needed."""

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels import overlap as kernel

_FIRST_CAPACITY = 256
_GROWTH = 4


def as_labels(array: object, name: str) -> NDArray:
    """The array (torch CPU tensors without a copy), if it can be a label image; else TypeError."""
    labels = np.asarray(array)
    if labels.dtype.kind not in "iub":
        raise TypeError(f"{name}: expected an array of an integer dtype, found {labels.dtype}")
    return labels


class _HashTable:
    """Keys, and slots four times as many as entries; see `fcrbench.kernels.overlap`."""

    def __init__(self) -> None:
        self.n = 0
        self.capacity = _FIRST_CAPACITY
        self.keys = np.empty(4 * self.capacity, np.uint64)
        self.slots = np.zeros(4 * self.capacity, np.int32)

    def grow(self) -> None:
        self.capacity *= _GROWTH
        keys = np.empty(4 * self.capacity, np.uint64)
        slots = np.zeros(4 * self.capacity, np.int32)
        kernel.rehash(self.keys, self.slots, keys, slots)
        self.keys, self.slots = keys, slots


def _extended(array: NDArray, rows: int) -> NDArray:
    bigger = np.zeros((rows, *array.shape[1:]), array.dtype)
    bigger[: len(array)] = array
    return bigger


class IdTable(_HashTable):
    """Objects of a label image, met run by run: `ids` (n,) uint64, `areas` (n,) in order of first pixel."""

    def __init__(self, name: str, dtype: np.dtype) -> None:
        super().__init__()
        self._name = name
        self._dtype = dtype
        self._ids = np.zeros(self.capacity, np.uint64)
        self._areas = np.zeros(self.capacity, np.int64)

    def index(self, starts: NDArray[np.int64], values: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Index 1..n of the object of every run, 0 for background; the runs are added to the areas."""
        index = np.empty(len(values), np.int32)
        run = 0
        while True:
            run, self.n = kernel.index_ids(
                starts, values, index, run, self.keys, self.slots, self._ids, self._areas, self.n
            )
            if run == len(values):
                return index
            self.grow()
            self._ids = _extended(self._ids, self.capacity)
            self._areas = _extended(self._areas, self.capacity)

    @property
    def ids(self) -> NDArray[np.uint64]:
        return self._ids[1 : self.n + 1]

    @property
    def areas(self) -> NDArray[np.int64]:
        return self._areas[1 : self.n + 1]

    def check(self) -> None:
        """ValueError if an id is negative. The kernels see bits only: a negative id has the top bit set."""
        if self._dtype.kind != "i" or self.n == 0:
            return
        bits = 8 * self._dtype.itemsize
        negative = self.ids[self.ids >> np.uint64(bits - 1) != 0]
        if negative.size:
            lowest = int(negative.min()) - (1 << bits)
            raise ValueError(f"{self._name}: expected ids >= 0 (0 is background), found {lowest}")


class PairTable(_HashTable):
    """Pairs of overlapping objects of two images and the pixels they share."""

    def __init__(self) -> None:
        super().__init__()
        self._pairs = np.zeros((self.capacity, 3), np.int64)

    def add(
        self,
        true_starts: NDArray[np.int64],
        true_index: NDArray[np.int32],
        pred_starts: NDArray[np.int64],
        pred_index: NDArray[np.int32],
    ) -> None:
        """Count the overlaps of two run lists of the same pixels; indices as `IdTable.index` gives them."""
        a = b = 0
        while True:
            a, b, self.n = kernel.count_pairs(
                true_starts,
                true_index,
                pred_starts,
                pred_index,
                a,
                b,
                self.keys,
                self.slots,
                self._pairs,
                self.n,
            )
            if a == len(true_index):
                return
            self.grow()
            self._pairs = _extended(self._pairs, self.capacity)

    @property
    def pairs(self) -> NDArray[np.int64]:
        """(n, 3): index in truth, index in pred (from 1), pixels shared."""
        return self._pairs[: self.n]
