"""The run-length code of COCO masks as text."""

import numpy as np

from fcrbench.kernels._jit import jit


@jit
def encode_counts(counts: np.ndarray, ends: np.ndarray, text: np.ndarray, text_ends: np.ndarray) -> None:
    """Numbers of pixels as COCO writes them: from the fourth number of a mask on the difference to the last
    but one; 5 bits a character, lowest first, signed; 32 for "more follows"; 48 added to be printable.

    Args:
        counts: (n,) int64, those of all masks one after the other; ends: (masks,) int64, where each ends.
        text: uint8, room for 13 characters a count; text_ends: (masks,) int64, gets where each text ends.
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
