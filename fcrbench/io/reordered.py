"""A view of an array with its axes in another order."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Reordered:
    """An array that is read by slices, with its axes in another order; nothing is read before."""

    def __init__(self, array: Any, order: Sequence[int]) -> None:
        """order  for each axis of the view its number in the array"""
        self._array, self._order = array, tuple(order)
        self.shape = tuple(array.shape[k] for k in self._order)
        self.dtype = np.dtype(array.dtype)

    def __getitem__(self, key: tuple[int | slice, ...], /) -> NDArray:
        stored: list[int | slice] = [slice(None)] * len(self._order)
        for axis, part in zip(self._order, key, strict=True):
            stored[axis] = part
        left = [axis for axis in self._order if not isinstance(stored[axis], int)]
        pixels = np.asarray(self._array[tuple(stored)])
        return pixels.transpose([sorted(left).index(axis) for axis in left])
