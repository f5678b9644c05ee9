"""Label images: what is one, and the table of its objects."""

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels import overlap as overlap_kernel


def as_labels(array: object, name: str) -> NDArray:
    """The array itself (torch CPU tensors as views), if it can be a label image; TypeError says what else it is."""
    labels = np.asarray(array)
    if labels.dtype.kind not in "iub":
        raise TypeError(f"{name}: expected a label image of an integer dtype, found dtype {labels.dtype}")
    return labels


class IdTable:
    """Objects of one label image, met run by run: `ids` (n,) and `areas` (n,) in order of first pixel."""

    def __init__(self, name: str, dtype: np.dtype) -> None:
        self._name = name
        self._dtype = dtype
        slots = overlap_kernel.FIRST_SLOTS
        self._state = (
            np.empty(slots, np.uint64),
            np.zeros(slots, np.int32),
            np.zeros(slots // 4, np.uint64),
            np.zeros(slots // 4, np.int64),
            0,
        )

    def index(self, starts: NDArray[np.int64], values: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Index 1..n of the object of every run, 0 for background; the runs are added to the areas."""
        index, *state = overlap_kernel.index_ids(starts, values, *self._state)
        self._state = tuple(state)
        return index

    @property
    def n(self) -> int:
        return self._state[4]

    @property
    def ids(self) -> NDArray[np.uint64]:
        return self._state[2][1 : self.n + 1]

    @property
    def areas(self) -> NDArray[np.int64]:
        return self._state[3][1 : self.n + 1]

    def check(self) -> None:
        """ValueError if an id is negative: the kernels see the bits only, so a negative id has the top bit set."""
        if self._dtype.kind != "i" or self.n == 0:
            return
        bits = 8 * self._dtype.itemsize
        negative = self.ids[self.ids >> np.uint64(bits - 1) != 0]
        if negative.size:
            lowest = int(negative.min()) - (1 << bits)
            raise ValueError(f"{self._name}: expected ids >= 0 (0 is background), found {lowest}")
