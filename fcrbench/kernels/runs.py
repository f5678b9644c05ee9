"""Run-length encoding of integer images, and painting of runs.

Only `mark_changes` and `run_values` read pixels and are compiled for each pixel width. All other kernels work
on runs, so that the work per object is proportional to its outline, not to its area.
"""

import numpy as np

from fcrbench.kernels._jit import jit, jit_inline
from fcrbench.kernels.simd import FILL_LANES, LANES, count_ones, fill_lanes, trailing_zeros, unequal_mask

ONE = np.uint64(1)
STARTS_PER_STEP = 4


@jit
def mark_changes(flat: np.ndarray, bits: np.ndarray, keep: bool) -> None:
    """Set bit i of `bits`, 64 per word, where i = 0 or flat[i] != flat[i - 1]; keep: keep set bits."""
    n = flat.size
    for word in range((n + LANES - 1) // LANES):
        low = LANES * word
        if low > 0 and low + LANES <= n:
            mask = unequal_mask(flat, low, flat, low - 1)
        else:
            mask = np.uint64(low == 0 or flat[low] != flat[low - 1])
            for j in range(1, min(LANES, n - low)):
                mask |= np.uint64(flat[low + j] != flat[low + j - 1]) << np.uint64(j)
        if keep:
            mask |= bits[word]
        bits[word] = mask


@jit
def run_starts(bits: np.ndarray, n_pixels: int, width: int) -> np.ndarray:
    """Return (n + 1,) int64, the flat index of the first pixel of each of n runs, then n_pixels.

    `bits` is the result of `mark_changes`. No run is longer than its row of `width` pixels.
    """
    for i in range(0, n_pixels, width):
        bits[i // LANES] |= ONE << np.uint64(i % LANES)
    n_words = (n_pixels + LANES - 1) // LANES
    n = 0
    for word in range(n_words):
        n += count_ones(bits[word])
    starts = np.empty(n + LANES, np.int64)
    at = np.uint64(0)
    for word in range(n_words):
        mask = bits[word]
        end = at + np.uint64(count_ones(mask))
        while at < end:
            for _ in range(STARTS_PER_STEP):  # may write too many; the next word overwrites them
                starts[at] = LANES * word + trailing_zeros(mask)
                mask &= mask - ONE
                at += ONE
        at = end
    starts[n] = n_pixels
    return starts[: n + 1]


@jit
def run_values(flat: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return (n,) uint64, the value of each run."""
    values = np.empty(starts.size - 1, np.uint64)
    for i in range(values.size):
        values[i] = flat[np.uint64(starts[i])]
    return values


@jit_inline
def fill_run(out: np.ndarray, at: int, stop: int, label: np.int32) -> None:
    """Write `label` to out[at : stop], and possibly to some pixels behind, as two whole vectors are written
    at once.

    Call it for all runs in their order, so that later runs overwrite the excess. `out` is flat int32.
    """
    safe = out.size - 2 * FILL_LANES
    while at < stop and at <= safe:
        fill_lanes(out, at, label)
        fill_lanes(out, at + FILL_LANES, label)
        at += 2 * FILL_LANES
    while at < stop:
        out[at] = label
        at += 1


@jit
def paint_runs(starts: np.ndarray, labels: np.ndarray, out: np.ndarray) -> None:
    """Write labels[i] to out[starts[i] : starts[i + 1]] for every run; `out` is flat int32."""
    for i in range(labels.size):
        fill_run(out, starts[i], starts[i + 1], labels[i])
