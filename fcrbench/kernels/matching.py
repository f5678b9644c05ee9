"""Sums over the pairs of an overlap table. IoUs are compared as fractions of integers, without rounding."""

import numpy as np

from fcrbench.kernels._jit import jit_with_gil


@jit_with_gil
def sum_pairs(
    true_area: np.ndarray,
    pred_area: np.ndarray,
    true_index: np.ndarray,
    pred_index: np.ndarray,
    shared: np.ndarray,
    pred_ids: np.ndarray,
) -> tuple[int, int, int, int, int, int, int]:
    """Compute the sums, in pixels, and the counts from which the metrics are computed.

    Returns the fields of `metrics.table.Sums`: the sum of `shared`, the areas of all objects, the areas of
    both objects summed over all pairs, C and U of AJI, and the numbers of splits and merges by halves. For
    AJI, each truth object takes the prediction with the largest IoU, on a tie the one with the lowest id.

    The products fit into int64 for unions of up to 3e9 pixels.
    """
    n_true = true_area.size
    n_pred = pred_area.size
    best = np.empty(n_true, np.int64)  # row of the table that each truth object takes
    for t in range(n_true):
        best[t] = -1
    halves = np.zeros((2, max(n_true, n_pred)), np.int32)  # objects that lie inside each by more than half
    taken = np.zeros(n_pred, np.bool_)
    total = 0
    pair_areas = 0
    for i in range(shared.size):
        t = true_index[i]
        p = pred_index[i]
        areas = true_area[t] + pred_area[p]
        total += shared[i]
        pair_areas += areas
        halves[0, t] += 2 * shared[i] > pred_area[p]
        halves[1, p] += 2 * shared[i] > true_area[t]
        b = best[t]
        if b >= 0:
            left = shared[i] * (true_area[t] + pred_area[pred_index[b]] - shared[b])
            right = shared[b] * (areas - shared[i])
            if left < right or (left == right and pred_ids[p] > pred_ids[pred_index[b]]):
                continue
        best[t] = i
    all_areas = 0
    aji_shared = 0
    aji_union = 0
    splits = 0
    merges = 0
    for t in range(n_true):
        all_areas += true_area[t]
        aji_union += true_area[t]
        splits += halves[0, t] >= 2
        b = best[t]
        if b >= 0:
            aji_shared += shared[b]
            aji_union += pred_area[pred_index[b]] - shared[b]
            taken[pred_index[b]] = True
    for p in range(n_pred):
        all_areas += pred_area[p]
        merges += halves[1, p] >= 2
        if not taken[p]:
            aji_union += pred_area[p]
    return total, all_areas, pair_areas, aji_shared, aji_union, splits, merges


@jit_with_gil
def count_above(
    shared: np.ndarray,
    union: np.ndarray,
    percent: np.ndarray,
    inclusive: bool,
    counts: np.ndarray,
    matched_iou: np.ndarray,
) -> tuple[int, int]:
    """Count the pairs with IoU > percent / 100 (>= if `inclusive`) for each of the thresholds.

    `counts` is filled with these numbers, and the first entries of `matched_iou` with the IoU of all pairs
    above 1/2. Returns the number of pairs above 1/2, and the number of pairs at exactly 1/2.
    """
    margin = 0 if inclusive else 1
    n = 0
    halves = 0
    for k in range(percent.size):
        counts[k] = 0
    for i in range(shared.size):
        matched_iou[n] = shared[i] / union[i]
        n += 2 * shared[i] > union[i]
        halves += 2 * shared[i] == union[i]
        for k in range(percent.size):
            counts[k] += 100 * shared[i] >= percent[k] * union[i] + margin
    return n, halves
