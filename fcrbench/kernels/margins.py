"""The margins by which the classes of pixels lead over the background."""

import numpy as np

from fcrbench.kernels._jit import jit, jit_inline

UNITS_PER_SCORE = 16  # a margin of 1 in the scores is stored as 16; stored margins are 0..255


@jit_inline
def _pixel_margin(planes: np.ndarray, classes: np.ndarray, background: int, i: int) -> int:
    """Return the stored margin of pixel i."""
    lead = float(planes[classes[i], i]) - float(planes[background, i])
    # The lead is 0 for background, and NaN if both scores are infinite.
    return int(UNITS_PER_SCORE * min(lead, 255 / UNITS_PER_SCORE) + 0.5) if lead > 0 else 0


@jit
def compute_margins(planes: np.ndarray, classes: np.ndarray, background: int, out: np.ndarray) -> None:
    """Compute the score of each pixel's class minus that of the background, in units of 1 / UNITS_PER_SCORE.

    planes (K, N) are scores without NaN, and classes (N,) uint8 the class of the largest score. out (N,)
    uint8 is filled; values are at most 255.
    """
    for i in range(out.size):
        out[i] = _pixel_margin(planes, classes, background, i)


@jit
def sum_margins(
    starts: np.ndarray,
    labels: np.ndarray,
    count: int,
    planes: np.ndarray,
    classes: np.ndarray,
    background: int,
) -> np.ndarray:
    """Return (count + 1,) int64, the margins of `compute_margins` summed over each object 1..count.

    starts, labels: the runs, as in `kernels.regions.reassign_objects`.
    """
    sums = np.zeros(count + 1, np.int64)
    for i in range(labels.size):
        if labels[i] > 0:
            for p in range(starts[i], starts[i + 1]):
                sums[labels[i]] += _pixel_margin(planes, classes, background, p)
    return sums


@jit
def sum_values(starts: np.ndarray, labels: np.ndarray, count: int, values: np.ndarray) -> np.ndarray:
    """Return (count + 1,) int64, values (N,) uint8 summed over each object 1..count."""
    sums = np.zeros(count + 1, np.int64)
    for i in range(labels.size):
        if labels[i] > 0:
            for p in range(starts[i], starts[i + 1]):
                sums[labels[i]] += int(values[p])
    return sums
