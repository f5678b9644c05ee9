"""Neighbouring objects of a label image."""

import numpy as np

from fcrbench.kernels._jit import jit


@jit
def neighbour_matrix(labels: np.ndarray, n: int, distance: int) -> np.ndarray:
    """Find pairs of objects with pixels at most `distance` apart (Euclidean, between pixel centres).

    labels    (H, W) int32, 0 = background, objects 1..n
    distance  in pixels

    Returns (n + 1, n + 1) bool, symmetric, with a False diagonal; row 0 stays False.

    The closest pixels of two objects are border pixels of both, so only these are searched from.
    """
    height, width = labels.shape
    near = np.zeros((n + 1, n + 1), np.bool_)
    for y in range(height):
        for x in range(width):
            here = labels[y, x]
            if here == 0:
                continue
            inner = 0 < y < height - 1 and 0 < x < width - 1
            if (
                inner
                and labels[y - 1, x] == here
                and labels[y + 1, x] == here
                and labels[y, x - 1] == here
                and labels[y, x + 1] == here
            ):
                continue
            for dy in range(0, min(distance, height - 1 - y) + 1):
                for dx in range(max(-distance, -x), min(distance, width - 1 - x) + 1):
                    if dy * dy + dx * dx > distance * distance:
                        continue
                    there = labels[y + dy, x + dx]
                    if there != 0 and there != here:
                        near[here, there] = True
                        near[there, here] = True
    return near
