"""Counts along the rows of a label image that tell objects from gradients and noise."""

import numpy as np

from fcrbench.kernels._jit import jit_with_gil
from fcrbench.kernels.runs import mark_changes, run_starts
from fcrbench.kernels.simd import LANES

SHORT = 2  # pixels; objects seldom have runs as short as this, borders that were interpolated mostly do


@jit_with_gil
def count_row_runs(flat: np.ndarray, width: int) -> tuple[int, int, int, int, int, int, bool]:
    """Count the runs of equal pixels in rows of `width` pixels; flat is unsigned.

    Returns
        runs, short: the runs that are not 0, and how many of them have at most SHORT pixels.
        pixels, short_pixels: the pixels of both.
        sharp: places where two longer runs meet, of which one may be 0.
        blended: short runs whose value lies strictly between those on both sides.
        is_single: whether all pixels that are not 0 are equal.
    """
    runs = short = pixels = short_pixels = sharp = blended = 0
    is_single = True
    bits = np.empty(flat.size // LANES + 1, np.uint64)
    mark_changes(flat, bits, width < 0)
    starts = run_starts(bits, flat.size, width)
    n = starts.size - 1
    value = flat[0]
    before = flat[0]
    before_is_long = False
    row_end = 0
    for i in range(n):
        start, stop = starts[i], starts[i + 1]
        current = flat[start]
        length = stop - start
        is_long = length > SHORT
        if current != 0:
            runs += 1
            pixels += length
            if value == 0:
                value = current
            elif value != current:
                is_single = False
        is_first = start == row_end
        if is_first:
            row_end += width
        if is_long:
            if before_is_long and not is_first:
                sharp += 1
        else:
            if current != 0:
                short += 1
                short_pixels += length
            if not is_first and stop < row_end:
                after = flat[stop]
                if before < current < after or before > current > after:
                    blended += 1
        before, before_is_long = current, is_long
    return runs, short, pixels, short_pixels, sharp, blended, is_single
