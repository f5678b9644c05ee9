"""Converts a label image to runs of numbered objects, which every export starts from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.kernels import runs as runs_kernel
from fcrbench.kernels._arrays import flat_unsigned
from fcrbench.labels import as_labels

_WORD = 64  # pixels, see `kernels.runs`


@dataclass(frozen=True)
class ObjectRuns:
    """Runs of pixels: the longest stretches of one id within a row.

    Attributes:
        shape: (H, W).
        ids: (n,) ids of the objects in ascending order, dtype int64 or uint64.
        starts: (runs + 1,) int64, flat index of the first pixel of each run, then the number of pixels.
        index: (runs,) int32, the number of the run's object, from 1 on; 0 for background.
    """

    shape: tuple[int, int]
    ids: NDArray
    starts: NDArray[np.int64]
    index: NDArray[np.int32]

    def paint(self) -> NDArray[np.int32]:
        """Return (H, W) int32 labels with the objects numbered 1 .. n in the order of their ids."""
        out = np.empty(self.shape, np.int32)
        if out.size:
            runs_kernel.paint_runs(self.starts, self.index, out.reshape(-1))
        return out


def object_runs(labels: ArrayLike) -> ObjectRuns:
    """Return the runs of a label image (H, W) of any integer dtype, 0 = background.

    Raises TypeError for labels that are not integers, ValueError for another shape or a negative id.
    """
    image = as_labels(labels, "labels")
    if image.ndim != 2:
        raise ValueError(f"labels: expected a 2-D array (H, W), found shape {image.shape}")
    if image.dtype.kind == "b":
        image = image.view(np.uint8)
    if image.size == 0:
        return ObjectRuns(image.shape, np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros(0, np.int32))
    if image.dtype.kind == "i" and int(image.min()) < 0:
        raise ValueError(f"labels: expected ids >= 0 (0 is background), found {int(image.min())}")
    flat = flat_unsigned(image)
    bits = np.empty(flat.size // _WORD + 1, np.uint64)
    runs_kernel.mark_changes(flat, bits, False)
    starts = runs_kernel.run_starts(bits, flat.size, image.shape[1])
    ids, index = np.unique(runs_kernel.run_values(flat, starts), return_inverse=True)
    background = bool(len(ids)) and ids[0] == 0
    numbers = index.astype(np.int32) + (0 if background else 1)
    return ObjectRuns(image.shape, ids[1:] if background else ids, starts, numbers)
