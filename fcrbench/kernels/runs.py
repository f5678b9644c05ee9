"""Run-length encoding of integer images, and painting runs back.

Only `mark_changes` and `values_at` see pixels and are compiled for each pixel width. Every other kernel works
on runs, so that the work per object is proportional to its outline, not to its area.
"""

import numpy as np

from fcrbench.kernels._jit import inner, jit
from fcrbench.kernels.simd import FILL_LANES, LANES, fill_lanes, ones, trailing_zeros, unequal_mask

ONE = np.uint64(1)
STARTS_A_STEP = 4


@jit
def mark_changes(flat: np.ndarray, bits: np.ndarray, keep: bool) -> None:
    """Set bit i of bits, 64 to a word, where i = 0 or flat[i] != flat[i - 1]; keep: also where it is set."""
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
    """Flat index of the first pixel of each run, then n_pixels: (n + 1,) int64.

    bits as `mark_changes` leaves them; a run ends with its row of width pixels at the latest.
    """
    for i in range(0, n_pixels, width):
        bits[i // LANES] |= ONE << np.uint64(i % LANES)
    n_words = (n_pixels + LANES - 1) // LANES
    n = 0
    for word in range(n_words):
        n += ones(bits[word])
    starts = np.empty(n + LANES, np.int64)
    at = np.uint64(0)
    for word in range(n_words):
        mask = bits[word]
        end = at + np.uint64(ones(mask))
        while at < end:
            for _ in range(STARTS_A_STEP):  # too many rather than ask before each; the next word overwrites
                starts[at] = LANES * word + trailing_zeros(mask)
                mask &= mask - ONE
                at += ONE
        at = end
    starts[n] = n_pixels
    return starts[: n + 1]


@jit
def values_at(flat: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Value of each run: (n,) uint64."""
    values = np.empty(starts.size - 1, np.uint64)
    for i in range(values.size):
        values[i] = flat[np.uint64(starts[i])]
    return values


@inner
def fill_run(out: np.ndarray, at: int, stop: int, label: np.int32) -> None:
    """out[at : stop] = label, and maybe some more pixels behind: whole vectors are written, two at once.

    To be called for all runs in their order: the next runs paint over what was too much. out is flat int32.
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
def paint(starts: np.ndarray, labels: np.ndarray, out: np.ndarray) -> None:
    """Write labels[i] over out[starts[i] : starts[i + 1]] for every run; out is flat int32."""
    for i in range(labels.size):
        fill_run(out, starts[i], starts[i + 1], labels[i])
