"""Index of the largest of K planes, pixel by pixel."""

import numpy as np

from fcrbench.kernels._jit import inner, jit

BLOCK = 1024  # pixels worked on at a time: the running maximum and its index stay in the first-level cache


@jit
def argmax_planes(scores: np.ndarray, out: np.ndarray) -> bool:
    """Write the plane of the largest value, the first one on a tie, of scores (K, N) into out (N,) uint8.

    Returns False, and leaves out unspecified, if a NaN was met.
    """
    n_planes, n = scores.shape
    best = np.empty(BLOCK, scores.dtype)
    index = np.empty(BLOCK, np.int32)
    for low in range(0, n, BLOCK):
        high = min(low + BLOCK, n)
        size = high - low
        nan = _first_plane(scores[0, low:high], best, index)
        for k in range(1, n_planes):
            nan |= _next_plane(scores[k, low:high], k, best, index)
        if nan:
            return False
        for j in range(size):
            out[low + j] = index[j]
    return True


@inner
def _first_plane(plane: np.ndarray, best: np.ndarray, index: np.ndarray) -> bool:
    nan = False
    for j in range(plane.size):
        value = plane[j]
        best[j] = value
        index[j] = 0
        nan |= value != value
    return nan


@inner
def _next_plane(plane: np.ndarray, k: int, best: np.ndarray, index: np.ndarray) -> bool:
    nan = False
    label = np.int32(k)
    for j in range(plane.size):
        value = plane[j]
        larger = value > best[j]
        best[j] = value if larger else best[j]
        index[j] = label if larger else index[j]
        nan |= value != value
    return nan
