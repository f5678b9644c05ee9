"""Pixels of an image sorted by the region they belong to."""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def group_pixels(groups: NDArray, n_groups: int) -> tuple[NDArray, NDArray]:
    """Flat positions (int64) of the pixels of groups 1..n_groups, by group, in raster order; and starts.

    groups  (H * W,) int32, 0 = in no group
    starts  (n_groups + 1,) int64, where each group begins, then the number of positions
    """
    starts = np.zeros(n_groups + 1, np.int64)
    for i in range(groups.size):
        if groups[i] > 0:
            starts[groups[i]] += 1
    for g in range(n_groups):
        starts[g + 1] += starts[g]
    place = starts.copy()
    pixels = np.empty(starts[n_groups], np.int64)
    for i in range(groups.size):
        if groups[i] > 0:
            pixels[place[groups[i] - 1]] = i
            place[groups[i] - 1] += 1
    return pixels, starts
