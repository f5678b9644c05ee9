"""Sets joined pair by pair."""

import numpy as np

from fcrbench.kernels._jit import jit
from fcrbench.kernels.components import find


@jit
def join_all(parent: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
    """Join the sets of left[i] and right[i], for all i; then point every entry at its root, the lowest one.

    parent (n,) int64, each entry itself or a lower one of its set; left, right int64.
    """
    for i in range(left.size):
        a = find(parent, left[i])
        b = find(parent, right[i])
        if a < b:
            parent[b] = a
        else:
            parent[a] = b
    for i in range(parent.size):
        parent[i] = parent[parent[i]]
