"""Label ids to 1..N, the form every data set returns."""

import numpy as np


def consecutive(labels: np.ndarray, min_size: int = 0) -> np.ndarray:
    """Renumber objects 1..N in raster order of their first pixel; 0 stays background.

    labels: (H, W), any integer dtype without negative values. Objects of fewer than `min_size` pixels become
    background. Returns (H, W) int32. Pixels of one id stay one object, connected or not.
    """
    flat = np.ascontiguousarray(labels).reshape(-1)
    largest = int(flat.max(initial=0))
    if largest > 4 * flat.size + 65535:  # ids far apart: a table over all of them would be mostly holes
        ids, inverse = np.unique(flat, return_inverse=True)
        flat, largest = inverse.reshape(-1) + int(ids[0] != 0), len(ids)
    first = np.full(largest + 1, flat.size, dtype=np.int64)
    # With repeated indices the last assignment stays, so writing backwards leaves each id's first pixel.
    first[flat[::-1]] = np.arange(flat.size - 1, -1, -1)
    first[0] = -1
    order = np.argsort(first, kind="stable")
    if min_size > 1:
        small = np.bincount(flat, minlength=largest + 1) < min_size
        small[0] = False
        order = order[~small[order]]
    table = np.zeros(largest + 1, dtype=np.int32)
    table[order] = np.arange(len(order), dtype=np.int32)
    return table[flat].reshape(labels.shape)
