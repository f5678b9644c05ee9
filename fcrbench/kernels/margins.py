"""By how much the colours of objects beat the background."""

import numpy as np

from fcrbench.kernels._jit import inner, jit

UNITS = 16  # of a margin in one of the scores; margins are 0..255 of them


@inner
def _margin(planes: np.ndarray, classes: np.ndarray, background: int, i: int) -> int:
    lead = float(planes[classes[i], i]) - float(planes[background, i])
    # Not above 0: the background itself, or both infinite.
    return int(UNITS * min(lead, 255 / UNITS) + 0.5) if lead > 0 else 0


@jit
def margins(planes: np.ndarray, classes: np.ndarray, background: int, out: np.ndarray) -> None:
    """The score of each pixel's class less that of the background, in 1 / UNITS, at most 255.

    planes (K, N) scores without NaN; classes (N,) uint8, the class of the largest; out (N,) uint8.
    """
    for i in range(out.size):
        out[i] = _margin(planes, classes, background, i)


@jit
def margins_of_objects(
    starts: np.ndarray,
    labels: np.ndarray,
    count: int,
    planes: np.ndarray,
    classes: np.ndarray,
    background: int,
) -> np.ndarray:
    """(count + 1,) int64, `margins` summed over each object 1..count; runs as in `kernels.regions.give`."""
    sums = np.zeros(count + 1, np.int64)
    for i in range(labels.size):
        if labels[i] > 0:
            for p in range(starts[i], starts[i + 1]):
                sums[labels[i]] += _margin(planes, classes, background, p)
    return sums


@jit
def sums_of_objects(starts: np.ndarray, labels: np.ndarray, count: int, values: np.ndarray) -> np.ndarray:
    """(count + 1,) int64, values (N,) uint8 summed over each object 1..count."""
    sums = np.zeros(count + 1, np.int64)
    for i in range(labels.size):
        if labels[i] > 0:
            for p in range(starts[i], starts[i + 1]):
                sums[labels[i]] += int(values[p])
    return sums
