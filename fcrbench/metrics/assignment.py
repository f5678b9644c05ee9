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
    if rows is None:
        rows = np.arange(len(table.shared))
    if not len(rows):
        return rows
    shared = table.shared[rows]
    weights = table.iou[rows] + _TIE * (shared / shared.sum())
    if most_pairs:
        weights += min(table.n_true, table.n_pred) + 1
    chosen = assign(table.true_index[rows], table.pred_index[rows], weights, table.n_true, table.n_pred)
    return rows[chosen[chosen >= 0]]
