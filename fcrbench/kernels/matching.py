"""The best partner of each object. IoU is compared as a fraction of integers, never rounded."""

import numpy as np

from fcrbench.kernels._jit import jit


@jit
def best_partner(
    true_area: np.ndarray,
    pred_area: np.ndarray,
    true_index: np.ndarray,
    pred_index: np.ndarray,
    shared: np.ndarray,
    pred_ids: np.ndarray,
) -> np.ndarray:
    """For each truth object the row of the overlap table with its largest IoU, -1 without overlap: (n,)
    int64.

    Of equal IoU the prediction of the lowest id wins. The products fit int64 up to unions of 3e9 pixels.
    """
    best = np.empty(true_area.size, np.int64)
    for t in range(best.size):
        best[t] = -1
    for i in range(shared.size):
        t = true_index[i]
        b = best[t]
        if b >= 0:
            left = shared[i] * (true_area[t] + pred_area[pred_index[b]] - shared[b])
            right = shared[b] * (true_area[t] + pred_area[pred_index[i]] - shared[i])
            if left < right or (left == right and pred_ids[pred_index[i]] > pred_ids[pred_index[b]]):
                continue
        best[t] = i
    return best
