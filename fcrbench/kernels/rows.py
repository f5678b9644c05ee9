"""Counts along the rows of a label image that tell objects from gradients and noise."""

import numpy as np

from fcrbench.kernels._jit import jit_with_gil
from fcrbench.kernels.runs import mark_changes, run_starts
from fcrbench.kernels.simd import LANES

SHORT = 2  # pixels; objects seldom have runs as short as this, borders that were interpolated mostly do
MIN_SHORT = 0.33  # share of the runs that are short where there may be no objects
NORMAL, SINGLE, RAGGED = 0, 1, 2


@jit_with_gil
def judge_rows(flat: np.ndarray, width: int, first: int, step: int) -> int:
    """Return what rows first, first + step, .. of an image look like; see `count_row_runs`.

    SINGLE: they have two or more runs and only one value besides 0. RAGGED: many runs are short.
    """
    runs, short, _, _, _, _, is_single = count_row_runs(flat, width, first, step)
    if is_single:
        return SINGLE if runs > 1 else NORMAL
    return RAGGED if short >= MIN_SHORT * runs else NORMAL


@jit_with_gil
def count_row_runs(
    flat: np.ndarray, width: int, first: int, step: int
) -> tuple[int, int, int, int, int, int, bool]:
    """Count the runs of equal pixels in rows first, first + step, .. of `width` pixels; flat is unsigned.

    Returns
        runs, short: the runs that are not 0, and how many of them have at most SHORT pixels.
        pixels, short_pixels: the pixels of both.
        sharp: places where two longer runs meet, of which one may be 0.
        blended: short runs whose value lies strictly between those on both sides.
        is_single: whether all pixels that are not 0 are equal.
    """
    runs = short = pixels = short_pixels = sharp = blended = 0
    is_single = True
    value = flat[0] - flat[0]  # 0 of this type
    bits = np.empty(width // LANES + 1, np.uint64)
    for place in range(first * width, flat.size, step * width):
        row = flat[place : place + width]
        mark_changes(row, bits, width < 0)
        starts = run_starts(bits, width, width)
        before = row[0]
        before_is_long = False
        for i in range(starts.size - 1):
            start, stop = starts[i], starts[i + 1]
            current = row[start]
            length = stop - start
            is_long = length > SHORT
            if current != 0:
                runs += 1
                pixels += length
                if value == 0:
                    value = current
                elif value != current:
                    is_single = False
            if is_long:
                if before_is_long:
                    sharp += 1
            else:
                if current != 0:
                    short += 1
                    short_pixels += length
                if start > 0 and stop < width:
                    after = row[stop]
                    if before < current < after or before > current > after:
                        blended += 1
            before, before_is_long = current, is_long
    return runs, short, pixels, short_pixels, sharp, blended, is_single
