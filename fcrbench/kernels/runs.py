"""Run-length encoding of integer images, and painting runs back.

A run is a longest stretch of equal values within one row. Every other kernel works on runs, so only `encode`
is compiled for each pixel width, and the work per object is proportional to its outline, not to its area.
"""

import numpy as np

from fcrbench.kernels._jit import inner, jit
from fcrbench.kernels.simd import FILL_LANES, change_mask, fill_lanes, trailing_zeros

BLOCK = 4096


@inner
def _scan(flat: np.ndarray, low: int, high: int, starts: np.ndarray, n: int) -> int:
    """Write the indices i in [low, high), low > 0, where flat[i] != flat[i - 1]; return the new count."""
    i = low
    while i + 64 <= high:
        mask = change_mask(flat, i)
        while mask != np.uint64(0):
            starts[n] = i + trailing_zeros(mask)
            n += 1
            mask &= mask - np.uint64(1)
        i += 64
    while i < high:
        if flat[i] != flat[i - 1]:
            starts[n] = i
            n += 1
        i += 1
    return n


@jit
def encode(flat: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs of the rows of an image given as its flat pixels (unsigned; size a multiple of width, width > 0).

    Returns starts (n + 1,) int64: flat index of the first pixel of each run, then the number of pixels;
    values (n,) uint64; rows (h + 1,) int64: index of the first run of each row, then n.
    """
    height = flat.size // width
    rows = np.empty(height + 1, np.int64)
    starts = np.empty(max(BLOCK, flat.size // 16) + BLOCK, np.int64)
    n = 0
    for row in range(height):
        rows[row] = n
        begin = row * width
        end = begin + width
        if n + BLOCK >= starts.size:
            starts = _grown(starts)
        starts[n] = begin
        n += 1
        low = begin + 1
        while low < end:
            high = min(low + BLOCK, end)
            if n + BLOCK >= starts.size:
                starts = _grown(starts)
            n = _scan(flat, low, high, starts, n)
            low = high
    rows[height] = n
    starts[n] = flat.size
    values = np.empty(n, np.uint64)
    for i in range(n):
        values[i] = flat[starts[i]]
    return starts[: n + 1], values, rows


@inner
def _grown(array: np.ndarray) -> np.ndarray:
    bigger = np.empty(2 * array.size + BLOCK, array.dtype)
    for i in range(array.size):
        bigger[i] = array[i]
    return bigger


@jit
def paint(starts: np.ndarray, labels: np.ndarray, out: np.ndarray) -> None:
    """Write labels[i] over out[starts[i] : starts[i + 1]] for every run; out is flat int32.

    Whole vectors are written, past the end of the run too: the next runs paint over that.
    """
    safe = out.size - FILL_LANES
    for i in range(labels.size):
        label = labels[i]
        stop = starts[i + 1]
        at = starts[i]
        while at < stop and at <= safe:
            fill_lanes(out, at, label)
            at += FILL_LANES
        while at < stop:
            out[at] = label
            at += 1


@jit
def most_frequent(starts: np.ndarray, values: np.ndarray, n_classes: int) -> int:
    """The value (< n_classes) that covers most pixels; the lowest one on a tie."""
    counts = np.zeros(n_classes, np.int64)
    for i in range(values.size):
        counts[np.int64(values[i])] += starts[i + 1] - starts[i]
    best = 0
    for k in range(1, n_classes):
        if counts[k] > counts[best]:
            best = k
    return best
