"""Sums over the sparse overlap table. Everything is counted in int64; IoU is compared as a fraction, never rounded."""

import numpy as np

from fcrbench.kernels._jit import jit
from fcrbench.kernels.assignment import assign

# The second objective of `best_total_iou` must not outweigh a true difference in total IoU.
TIE = 1e-9


@jit
def aji(pred_ids, area_true, area_pred, truth, pred, shared):
    """Aggregated Jaccard Index (Kumar et al. 2017): (sum of intersections, sum of unions)."""
    n = area_true.size
    best = np.full(n, -1, np.int64)
    for i in range(shared.size):
        t = truth[i]
        if best[t] < 0:
            best[t] = i
            continue
        b = best[t]
        union = area_true[t] + area_pred[pred[i]] - shared[i]
        best_union = area_true[t] + area_pred[pred[b]] - shared[b]
        left = shared[i] * best_union
        right = shared[b] * union
        if left > right or (left == right and pred_ids[pred[i]] < pred_ids[pred[b]]):
            best[t] = i
    chosen = np.zeros(area_pred.size, np.bool_)
    intersections = 0
    unions = 0
    for t in range(n):
        b = best[t]
        if b < 0:
            unions += area_true[t]
        else:
            chosen[pred[b]] = True
            intersections += shared[b]
            unions += area_true[t] + area_pred[pred[b]] - shared[b]
    for p in range(area_pred.size):
        if not chosen[p]:
            unions += area_pred[p]
    return intersections, unions


@jit
def above(area_true, area_pred, truth, pred, shared, numerator, denominator, inclusive):
    """Which pairs have IoU > numerator / denominator (>= if inclusive), compared in integers: (pairs,) bool."""
    keep = np.empty(shared.size, np.bool_)
    for i in range(shared.size):
        union = area_true[truth[i]] + area_pred[pred[i]] - shared[i]
        left = denominator * shared[i]
        right = numerator * union
        keep[i] = left > right or (inclusive and left == right)
    return keep


@jit
def count_above(area_true, area_pred, truth, pred, shared, numerators, denominator, inclusive):
    """Number of pairs above each of several thresholds: (thresholds,) int64; right as TP where pairs are unique."""
    counts = np.zeros(numerators.size, np.int64)
    for i in range(shared.size):
        union = area_true[truth[i]] + area_pred[pred[i]] - shared[i]
        left = denominator * shared[i]
        for k in range(numerators.size):
            right = numerators[k] * union
            counts[k] += left > right or (inclusive and left == right)
    return counts


@jit
def best_total_iou(area_true, area_pred, truth, pred, shared, count_first):
    """One-to-one matching: the chosen pairs, (matches,) int64 rows of the table.

    Largest total IoU, or (count_first) most pairs and among those the largest total IoU. On equal totals the larger
    total intersection wins.
    """
    total = 1.0
    for i in range(shared.size):
        total += shared[i]
    base = float(area_true.size + area_pred.size + 1) if count_first else 0.0
    weights = np.empty(shared.size)
    for i in range(shared.size):
        union = area_true[truth[i]] + area_pred[pred[i]] - shared[i]
        weights[i] = base + shared[i] / union + TIE * (shared[i] / total)
    chosen = assign(truth, pred, weights, area_true.size, area_pred.size)
    return chosen[chosen >= 0]


@jit
def splits_merges(area_true, area_pred, truth, pred, shared):
    """Split truth objects and merged predictions, by the rule of `fcrbench.metrics.errors`."""
    inside = np.zeros(area_true.size, np.int64)
    covered = np.zeros(area_pred.size, np.int64)
    for i in range(shared.size):
        inside[truth[i]] += 2 * shared[i] > area_pred[pred[i]]
        covered[pred[i]] += 2 * shared[i] > area_true[truth[i]]
    return (inside >= 2).sum(), (covered >= 2).sum()
