"""Label images: what is one, and hash tables of their objects and overlaps that grow as needed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels import overlap as kernel

_FIRST_CAPACITY = 1024
_GROWTH = 4
_SLOTS_PER_ENTRY = 4


def on_host(array: Any, name: str) -> NDArray:
    """An array, or a torch tensor, as numpy has it: without a copy where it is in the host's memory already.

    Gradients are left behind; bfloat16 and smaller floats, which numpy lacks, become float32. TypeError for a
    tensor without values of its own, such as a sparse one.
    """
    if not is_tensor(array):
        return np.asarray(array)
    if str(array.layout) != "torch.strided" or array.device.type == "meta":
        found = f"{array.layout}, {array.dtype} on {array.device}"
        raise TypeError(f"{name}: expected an array or a dense tensor with values, found a tensor of {found}")
    host = array.detach().cpu()
    if host.is_floating_point() and host.dtype.itemsize < 4 and str(host.dtype) != "torch.float16":
        host = host.float()
    values: NDArray = host.numpy()
    return values


def as_labels(array: object, name: str) -> NDArray:
    """`on_host`, if it can be a label image; else TypeError."""
    labels = on_host(array, name)
    if labels.dtype.kind not in "iub":
        raise TypeError(f"{name}: expected an array of an integer dtype, found {labels.dtype}")
    return labels


@dataclass(frozen=True)
class Split:
    """Objects and overlaps of rows (id in truth, id in pred, pixels).

    Attributes:
        index: (2, rows) int32, each row's object in truth and in pred, from 1 on; 0 for background.
        ids, areas: of the objects of truth, and of pred.
        overlaps: (3, k) int64, for each pair of objects their indices from 0 on, and the pixels shared.
    """

    index: NDArray[np.int32]
    ids: tuple[NDArray[np.uint64], NDArray[np.uint64]]
    areas: tuple[NDArray[np.int64], NDArray[np.int64]]
    overlaps: NDArray[np.int64]


def split_entries(entries: NDArray[np.uint64], n: int) -> Split:
    """See `kernels.overlap.split_entries`."""
    slots = np.empty(1 << (2 * n + 1).bit_length(), np.int32)
    index, overlaps = np.empty((2, n), np.int32), np.empty((3, n), np.int64)
    ids, areas = np.empty((2, n + 1), np.uint64), np.empty((2, n + 1), np.int64)
    a, b, m = kernel.split_entries(entries, n, slots, index, ids, areas, overlaps)
    return Split(
        index,
        (ids[0, 1 : a + 1], ids[1, 1 : b + 1]),
        (areas[0, 1 : a + 1], areas[1, 1 : b + 1]),
        overlaps[:, :m],
    )


def check_ids(ids: NDArray[np.uint64], dtype: np.dtype, name: str) -> None:
    """ValueError if an id is negative: the kernels see bits only, and a negative id has the top bit set."""
    top = 8 * dtype.itemsize - 1
    if dtype.kind == "i" and len(ids) and int(ids.max()) >> top:
        lowest = int(ids[ids >> np.uint64(top) != 0].min()) - (1 << top + 1)
        raise ValueError(f"{name}: expected ids >= 0 (0 is background), found {lowest}")


def is_tensor(array: object) -> bool:
    """Whether this is a torch tensor, told without importing torch."""
    kinds = () if type(array) is np.ndarray else type(array).__mro__
    return any(kind.__module__.partition(".")[0] == "torch" for kind in kinds)


def on_device(array: Any) -> bool:
    """Whether this is a torch tensor that is not in the host's memory."""
    return is_tensor(array) and array.device.type != "cpu"


class PairTable:
    """Pairs of ids at the same place in two label images, and how many pixels have them."""

    def __init__(self) -> None:
        self._n = 0
        self._entries = np.zeros((_FIRST_CAPACITY, 3), np.uint64)
        self._slots = np.zeros(_SLOTS_PER_ENTRY * _FIRST_CAPACITY, np.int32)

    def add(self, truth: NDArray, pred: NDArray) -> None:
        """Count the pixels of two flat arrays, see `kernels._arrays.flat_unsigned`."""
        at = 0
        while True:
            at, self._n = kernel.count_pixels(truth, pred, at, self._slots, self._entries, self._n)
            if at == len(truth):
                return
            entries = np.empty((_GROWTH * len(self._entries), 3), np.uint64)
            entries[: self._n + 1] = self._entries[: self._n + 1]
            self._entries = entries
            self._slots = np.zeros(_SLOTS_PER_ENTRY * len(entries), np.int32)
            kernel.rehash(entries, self._n, self._slots)

    def split(self) -> Split:
        return split_entries(self._entries, self._n)
