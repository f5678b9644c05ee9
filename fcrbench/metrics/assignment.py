"""One-to-one matching of overlapping objects."""

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels.assignment import assign
from fcrbench.metrics.overlap import OverlapTable

# Weight of the total intersection, the last objective: too small to outweigh a true difference in total IoU.
_TIE = 1e-9


def largest_total_iou(
    table: OverlapTable, rows: NDArray[np.int64] | None = None, *, most_pairs: bool = False
) -> NDArray[np.int64]:
    """Rows of the table that match each object at most once and have the largest total IoU.

    With `most_pairs`, of the matchings with the largest number of pairs. Of equal totals the one with the
    largest total intersection is taken. Only the given rows are used (None: all).
    """
    iou, shared, true_index, pred_index = table.iou, table.shared, table.true_index, table.pred_index
    if rows is not None:
        iou, shared = iou[rows], shared[rows]
        true_index, pred_index = true_index[rows], pred_index[rows]
    if not len(shared):
        return np.empty(0, np.int64)
    weights = iou + _TIE * (shared / shared.sum())
    if most_pairs:
        weights += min(table.n_true, table.n_pred) + 1
    chosen = heaviest_matching(true_index, pred_index, weights, table.n_true, table.n_pred)
    chosen = chosen[chosen >= 0]
    return chosen if rows is None else rows[chosen]


def heaviest_matching(
    rows: NDArray[np.int64], cols: NDArray[np.int64], weights: NDArray[np.float64], n: int, m: int
) -> NDArray[np.int64]:
    """(n,) edge chosen for each row, -1 for none, of a matching of largest total weight; weights > 0."""
    chosen = np.full(n, -1)
    assign(
        rows,
        cols,
        weights,
        np.zeros(n + 1, np.int64),
        np.empty(len(weights), np.int64),
        np.zeros(n),
        np.zeros(m),
        chosen,
        np.full(m, -1),
        np.full(m, np.inf),
        np.empty(m, np.int64),
        np.zeros(m, np.bool_),
        np.empty(m, np.int64),
    )
    return chosen
