"""The index of the largest of K planes at each pixel."""

import numpy as np

from fcrbench.kernels._jit import jit
from fcrbench.kernels.simd import LANES, argmax_lanes, count_ones, unequal_mask


@jit
def argmax_planes(scores: np.ndarray, out: np.ndarray) -> bool:
    """Write the index of the largest of K scores (K, N), the first one on a tie, to out (N,) uint8.

    Returns False if there is a NaN; `out` is unspecified then.
    """
    n_planes, n = scores.shape
    nan = False
    i = 0
    while i + LANES <= n:
        nan |= argmax_lanes(scores, i, out)
        i += LANES
    while i < n:
        best = scores[0, i]
        nan |= best != best
        out[i] = 0
        for k in range(1, n_planes):
            value = scores[k, i]
            nan |= value != value
            if value > best:
                best = value
                out[i] = k
        i += 1
    return not nan


@jit
def count_classes(classes: np.ndarray, counts: np.ndarray) -> None:
    """Count the pixels of each class 0 .. counts.size - 1 of classes (N,) uint8, and write them to counts."""
    whole = classes.size // LANES * LANES
    same = np.empty(LANES, np.uint8)
    for k in range(counts.size):
        for lane in range(LANES):
            same[lane] = k
        n = 0
        for i in range(0, whole, LANES):
            n += LANES - count_ones(unequal_mask(classes, i, same, 0))
        for i in range(whole, classes.size):
            n += int(classes[i] == k)
        counts[k] = n
