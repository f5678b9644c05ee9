"""Colouring of objects at low cost such that neighbours differ."""

import numpy as np

from fcrbench.kernels._jit import jit


@jit
def dynamic_coloring(cost: np.ndarray, near: np.ndarray, penalty: float) -> np.ndarray:
    """Assign to each object the colour that costs it least, in order of confidence.

    cost     (n, K) float32, cost of each colour for each object
    near     (n, n) bool, neighbouring objects
    penalty  added to a colour once for every neighbour that already holds it

    Returns (n,) int64 colours. The assignment is greedy, which is enough for objects with few neighbours.
    """
    n, colors = cost.shape
    color = np.full(n, -1, np.int64)
    confidence = np.empty(n, np.float32)
    for i in range(n):
        best = np.inf
        second = np.inf
        for k in range(colors):
            if cost[i, k] < best:
                second = best
                best = cost[i, k]
            elif cost[i, k] < second:
                second = cost[i, k]
        confidence[i] = best - second if colors > 1 else 0.0
    for i in np.argsort(confidence, kind="mergesort"):
        least = np.inf
        for k in range(colors):
            total = float(cost[i, k])
            for j in range(n):
                if near[i, j] and color[j] == k:
                    total += penalty
            if total < least:
                least = total
                color[i] = k
    return color
