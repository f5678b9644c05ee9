"""Sums over the pairs of an overlap table. IoU is compared as a fraction of integers, never rounded."""

import numpy as np

from fcrbench.kernels._jit import short


@short
def sum_pairs(
    true_area: np.ndarray,
    pred_area: np.ndarray,
    true_index: np.ndarray,
    pred_index: np.ndarray,
    shared: np.ndarray,
    pred_ids: np.ndarray,
) -> tuple[int, int, int, int, int, int, int]:
    """Sums in pixels, and counts, that the metrics are made of.

    Returns the sums of shared, of the areas of all objects, and of the areas of both objects over all pairs;
    C and U of AJI, where each truth object takes the prediction of largest IoU, of equal ones that of the
    lowest id; the truth objects that hold more than half of two or more predictions, and the predictions that
    cover more than half of two or more truth objects.

    The products fit int64 up to unions of 3e9 pixels.
    """
    n_true = true_area.size
    n_pred = pred_area.size
    best = np.empty(n_true, np.int64)  # row of the table that each truth object takes
    for t in range(n_true):
        best[t] = -1
    halves = np.zeros((2, max(n_true, n_pred)), np.int32)  # objects that lie by more than half inside each
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


@short
def count_above(
    shared: np.ndarray,
    union: np.ndarray,
    percent: np.ndarray,
    inclusive: bool,
    counts: np.ndarray,
    matched_iou: np.ndarray,
) -> tuple[int, int]:
    """Count the pairs with IoU > percent / 100, or >= if inclusive, for each of the thresholds.

    matched_iou: gets the IoU of the pairs above 1/2 in its first entries. Returns how many these are, and how
    many pairs are at 1/2 exactly.
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
