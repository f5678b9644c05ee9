"""The compressed run-length encoding of COCO masks."""

import numpy as np

from fcrbench.kernels._jit import jit


@jit
def encode_counts(counts: np.ndarray, ends: np.ndarray, text: np.ndarray, text_ends: np.ndarray) -> None:
    """Encode run lengths as COCO does.

    From the fourth run length of a mask on, the difference to the length two runs earlier is written. A
    number is written as signed 5-bit digits, lowest first, one per character. 32 is added to a digit if more
    digits follow, and 48 to make it printable.

    Args:
        counts: (n,) int64, the run lengths of all masks one after the other.
        ends: (masks,) int64, the end of each mask in `counts`.
        text: uint8, filled; has room for 13 characters per run length.
        text_ends: (masks,) int64, filled with the end of each mask in `text`.
    """
    at = 0
    begin = 0
    for mask in range(ends.size):
        for i in range(begin, ends[mask]):
            value = counts[i]
            if i - begin > 2:
                value -= counts[i - 2]
            more = True
            while more:
                low = value & 31
                value >>= 5
                more = value != (-1 if low & 16 else 0)
                text[at] = low + (32 if more else 0) + 48
                at += 1
        begin = ends[mask]
        text_ends[mask] = at
