"""Checks of label images, and hash tables of their objects and overlaps that grow as needed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels import overlap as kernel

_INITIAL_CAPACITY = 1024
_GROWTH_FACTOR = 4
_SLOTS_PER_ENTRY = 4


def to_numpy(array: Any, name: str) -> NDArray:
    """Return an array or a torch tensor as a NumPy array, without a copy if it is in the host's memory
    already.

    The result has no gradient. bfloat16 and smaller floats, which NumPy lacks, become float32. Raises
    TypeError for a tensor that is sparse or has no values, ValueError for a masked array with masked pixels.
    """
    if type(array) is np.ndarray:
        return array
    if not is_tensor(array):
        return without_mask(array, name)
    if str(array.layout) != "torch.strided" or array.device.type == "meta":
        found = f"{array.layout}, {array.dtype} on {array.device}"
        raise TypeError(f"{name}: expected an array or a dense tensor with values, found a tensor of {found}")
    host = array.detach().cpu()
    if host.is_floating_point() and host.dtype.itemsize < 4 and str(host.dtype) != "torch.float16":
        host = host.float()
    values: NDArray = host.numpy()
    return values


def without_mask(array: Any, name: str) -> NDArray:
    """Return anything array-like as a NumPy array. Raises ValueError if pixels of it are masked.

    NumPy would silently use the values under the mask, also those of a list of masked arrays, and dask would
    drop the mask before.
    """
    if hasattr(array, "compute"):
        array = array.compute()
    values = np.ma.asanyarray(array) if isinstance(array, list | tuple) else np.asanyarray(array)
    if isinstance(values, np.ma.MaskedArray):
        masked = np.count_nonzero(np.ma.getmaskarray(values))
        if masked:
            raise ValueError(
                f"{name}: expected an array without masked pixels, found {masked}; "
                "array.filled(0) makes them background, array.data ignores the mask"
            )
        values = values.data
    return np.asarray(values)


def as_labels(array: object, name: str) -> NDArray:
    """Return `to_numpy(array, name)`. Raises TypeError if it is not of an integer dtype or bool."""
    labels = to_numpy(array, name)
    if labels.dtype.kind not in "iub":
        raise TypeError(f"{name}: expected an array of an integer dtype, found {labels.dtype}")
    return labels


@dataclass(frozen=True)
class ObjectOverlaps:
    """The objects of a truth and a prediction and their overlaps, from rows (true id, predicted id, pixels).

    Attributes:
        index: (2, rows) int32, the number of each row's object in truth and in pred, from 1 on; 0 for
            background.
        ids: ids of the objects of truth, and of those of pred.
        areas: areas of the objects of truth, and of those of pred, in pixels.
        overlaps: (3, k) int64, for each pair of objects their indices from 0 on, and the pixels they share.
    """

    index: NDArray[np.int32]
    ids: tuple[NDArray[np.uint64], NDArray[np.uint64]]
    areas: tuple[NDArray[np.int64], NDArray[np.int64]]
    overlaps: NDArray[np.int64]


def tabulate_objects(entries: NDArray[np.uint64], n: int) -> ObjectOverlaps:
    """Find the objects and overlaps of rows 1 .. n of entries; see `kernels.overlap.tabulate_objects`."""
    slots = np.empty(1 << (2 * n + 1).bit_length(), np.int32)
    index, overlaps = np.empty((2, n), np.int32), np.empty((3, n), np.int64)
    ids, areas = np.empty((2, n + 1), np.uint64), np.empty((2, n + 1), np.int64)
    n_true, n_pred, n_overlaps = kernel.tabulate_objects(entries, n, slots, index, ids, areas, overlaps)
    return ObjectOverlaps(
        index,
        (ids[0, 1 : n_true + 1], ids[1, 1 : n_pred + 1]),
        (areas[0, 1 : n_true + 1], areas[1, 1 : n_pred + 1]),
        overlaps[:, :n_overlaps],
    )


def check_ids(ids: NDArray[np.uint64], dtype: np.dtype, name: str) -> None:
    """Raise ValueError if an id is negative. The kernels see bits only; a negative id has its top bit set."""
    top_bit = 8 * dtype.itemsize - 1
    if dtype.kind == "i" and len(ids) and int(ids.max()) >> top_bit:
        lowest = int(ids[ids >> np.uint64(top_bit) != 0].min()) - (1 << top_bit + 1)
        raise ValueError(f"{name}: expected ids >= 0 (0 is background), found {lowest}")


def is_tensor(array: object) -> bool:
    """Return whether this is a torch tensor, without importing torch."""
    kinds = () if type(array) is np.ndarray else type(array).__mro__
    return any(kind.__module__.partition(".")[0] == "torch" for kind in kinds)


def is_on_accelerator(array: Any) -> bool:
    """Return whether this is a torch tensor outside the host's memory."""
    return is_tensor(array) and array.device.type != "cpu"


class PairTable:
    """A hash table that counts the pixels of each pair of ids in two label images."""

    def __init__(self) -> None:
        self._n = 0
        self._entries = np.zeros((_INITIAL_CAPACITY, 3), np.uint64)
        self._slots = np.zeros(_SLOTS_PER_ENTRY * _INITIAL_CAPACITY, np.int32)

    def add(self, truth: NDArray, pred: NDArray) -> None:
        """Count the pixels of two flat arrays; see `kernels._arrays.flat_unsigned`."""
        position = 0
        while True:
            position, self._n = kernel.count_pixels(
                truth, pred, position, self._slots, self._entries, self._n
            )
            if position == len(truth):
                return
            entries = np.empty((_GROWTH_FACTOR * len(self._entries), 3), np.uint64)
            entries[: self._n + 1] = self._entries[: self._n + 1]
            self._entries = entries
            self._slots = np.zeros(_SLOTS_PER_ENTRY * len(entries), np.int32)
            kernel.rehash(entries, self._n, self._slots)

    def tabulate(self) -> ObjectOverlaps:
        """Return the objects and overlaps counted so far."""
        return tabulate_objects(self._entries, self._n)
