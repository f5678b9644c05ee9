"""Dice, AJI, AJI+, DQ, SQ and PQ as evaluation scripts of nucleus segmentation usually compute them.

They use NumPy, a mask of the whole image for each object, and dense tables of n x m. This code was written
for the comparison, from the definitions and the structure of the computation that hover_net's `stats_utils`
made common (each metric on its own, from the two label images). It contains no code of that project. Ids must
be 1 .. n.
"""

import numpy as np
from numpy.typing import NDArray


def stats(truth: NDArray, pred: NDArray) -> dict[str, float]:
    """Return all metrics by name."""
    from scipy.optimize import linear_sum_assignment

    dq, sq, pq = _panoptic(truth, pred)
    inter, union = _tables(truth, pred)
    best = np.argmax(_iou(inter, union), axis=1)
    overlapped = inter[np.arange(len(inter)), best] > 0
    pairs = (np.flatnonzero(overlapped), best[overlapped])
    aji = _aggregated(truth, pred, inter, union, *pairs)
    inter, union = _tables(truth, pred)
    iou = _iou(inter, union)
    rows, cols = linear_sum_assignment(iou, maximize=True)
    matched = iou[rows, cols] > 0
    aji_plus = _aggregated(truth, pred, inter, union, rows[matched], cols[matched])
    return {"dice": _dice(truth, pred), "aji": aji, "aji_plus": aji_plus, "rq": dq, "sq": sq, "pq": pq}


def _tables(truth: NDArray, pred: NDArray) -> tuple[NDArray, NDArray]:
    true_masks = [(truth == t).astype(np.uint8) for t in range(1, int(truth.max()) + 1)]
    pred_masks = [(pred == p).astype(np.uint8) for p in range(1, int(pred.max()) + 1)]
    inter = np.zeros((len(true_masks), len(pred_masks)))
    union = np.zeros_like(inter)
    for t, true_mask in enumerate(true_masks):
        for p in np.unique(pred[true_mask > 0]):
            if p:
                pred_mask = pred_masks[p - 1]
                inter[t, p - 1] = (true_mask * pred_mask).sum()
                union[t, p - 1] = (true_mask + pred_mask).sum() - inter[t, p - 1]
    return inter, union


def _iou(inter: NDArray, union: NDArray) -> NDArray:
    return inter / np.maximum(union, 1)


def _aggregated(
    truth: NDArray, pred: NDArray, inter: NDArray, union: NDArray, rows: NDArray, cols: NDArray
) -> float:
    total = union[rows, cols].sum()
    for t in set(range(len(inter))) - set(rows.tolist()):
        total += (truth == t + 1).sum()
    for p in set(range(inter.shape[1])) - set(cols.tolist()):
        total += (pred == p + 1).sum()
    return float(inter[rows, cols].sum() / total)


def _panoptic(truth: NDArray, pred: NDArray) -> tuple[float, float, float]:
    iou = _iou(*_tables(truth, pred))
    matched = iou[iou > 0.5]
    dq = 2 * len(matched) / sum(iou.shape)
    sq = float(matched.sum() / len(matched))
    return dq, sq, dq * sq


def _dice(truth: NDArray, pred: NDArray) -> float:
    a, b = (truth > 0).astype(np.uint8), (pred > 0).astype(np.uint8)
    return float(2 * (a * b).sum() / (a.sum() + b.sum()))
