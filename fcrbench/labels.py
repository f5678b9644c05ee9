"""Label images: what is one, and hash tables of their objects and overlaps that grow as needed."""

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels import overlap as kernel

_FIRST_CAPACITY = 1024
_GROWTH = 4
_SLOTS_PER_ENTRY = 4


def as_labels(array: object, name: str) -> NDArray:
    """The array (torch CPU tensors without a copy), if it can be a label image; else TypeError."""
    labels = np.asarray(array)
    if labels.dtype.kind not in "iub":
        raise TypeError(f"{name}: expected an array of an integer dtype, found {labels.dtype}")
    return labels


def index_ids(
    values: NDArray[np.uint64], pixels: NDArray[np.int64], dtype: np.dtype, name: str
) -> tuple[NDArray[np.int32], NDArray[np.uint64], NDArray[np.int64]]:
    """Objects of a label image from its runs or other pieces, each of one id.

    Returns the index 1..n of each piece's object in order of appearance, 0 for background; ids (n,) and areas
    (n,). ValueError if an id of a signed dtype is negative.
    """
    slots = np.zeros(1 << (2 * len(values) + 1).bit_length(), np.int32)
    index = np.empty(len(values), np.int32)
    ids, areas = np.empty(len(values) + 1, np.uint64), np.empty(len(values) + 1, np.int64)
    n = kernel.index_ids(values, pixels, slots, index, ids, areas)
    ids = ids[1 : n + 1]
    check_ids(ids, int(ids.max(initial=0)), dtype, name)
    return index, ids, areas[1 : n + 1]


def check_ids(ids: NDArray[np.uint64], bits: int, dtype: np.dtype, name: str) -> None:
    """ValueError if an id is negative: the kernels see bits only, and a negative id has the top bit set.

    bits: any number with the top bit set if an id has it.
    """
    top = 8 * dtype.itemsize - 1
    if dtype.kind == "i" and bits >> top:
        lowest = int(ids[ids >> np.uint64(top) != 0].min()) - (1 << top + 1)
        raise ValueError(f"{name}: expected ids >= 0 (0 is background), found {lowest}")


class PairTable:
    """Pairs of ids at the same place in two label images, and how many pixels have them."""

    def __init__(self) -> None:
        self._n = 0
        self._entries = np.zeros((_FIRST_CAPACITY, 3), np.uint64)
        self._slots = np.zeros(_SLOTS_PER_ENTRY * _FIRST_CAPACITY, np.int32)

    def add(
        self, starts: NDArray[np.int64], true_values: NDArray[np.uint64], pred_values: NDArray[np.uint64]
    ) -> None:
        """Count the pixels of runs over which both images are constant."""
        run = 0
        while True:
            run, self._n = kernel.count_pairs(
                starts, true_values, pred_values, run, self._slots, self._entries, self._n
            )
            if run == len(true_values):
                return
            entries = np.empty((_GROWTH * len(self._entries), 3), np.uint64)
            entries[: self._n + 1] = self._entries[: self._n + 1]
            self._entries = entries
            self._slots = np.zeros(_SLOTS_PER_ENTRY * len(entries), np.int32)
            kernel.rehash(entries, self._n, self._slots)

    def split(self) -> tuple:
        """Objects and overlaps; see `kernels.overlap.split_entries`."""
        return kernel.split_entries(self._entries, self._n)
