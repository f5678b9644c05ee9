"""Joining of disjoint sets, pair by pair."""

import numpy as np

from fcrbench.kernels._jit import jit
from fcrbench.kernels.components import find_root


@jit
def join_all(parent: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
    """Join the sets of left[i] and right[i] for all i, then set every entry to the root of its set, the
    lowest one.

    parent (n,) int64 holds for each entry itself or a lower entry of its set. left and right are int64.
    """
    for i in range(left.size):
        a = find_root(parent, left[i])
        b = find_root(parent, right[i])
        if a < b:
            parent[b] = a
        else:
            parent[a] = b
    for i in range(parent.size):
        parent[i] = parent[parent[i]]
