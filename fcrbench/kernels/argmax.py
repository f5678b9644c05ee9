"""Index of the largest of K planes, pixel by pixel."""

import numpy as np

from fcrbench.kernels._jit import jit
from fcrbench.kernels.simd import LANES, argmax_lanes


@jit
def argmax_planes(scores: np.ndarray, out: np.ndarray) -> bool:
    """Write the plane of the largest value, the first one on a tie, of scores (K, N) into out (N,) uint8.

    Returns False, and leaves out unspecified, if a NaN was met.
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
