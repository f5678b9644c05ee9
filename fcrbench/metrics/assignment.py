"""One-to-one matching of overlapping objects."""

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels.assignment import assign_by_iou
from fcrbench.metrics.overlap import OverlapTable


def largest_total_iou(
    table: OverlapTable, rows: NDArray[np.int64] | None = None, *, most_pairs: bool = False
) -> NDArray[np.int64]:
    """Rows of the table that match each object at most once and have the largest total IoU.

    With `most_pairs`, of the matchings with the largest number of pairs. Of equal totals the one with the
    largest total intersection is taken. Only the given rows are used (None: all).
    """
    if rows is None:
        rows = np.arange(len(table.shared))
    true_index, pred_index = table.true_index[rows], table.pred_index[rows]
    # In order of ids, so that what is left to chance does not hang on the layout of the arrays.
    order = np.lexsort((table.pred_ids[pred_index], table.true_ids[true_index]))
    rows, true_index, pred_index = rows[order], true_index[order], pred_index[order]
    chosen = assign_by_iou(
        true_index,
        pred_index,
        table.shared[rows],
        table.union[rows],
        table.n_true,
        table.n_pred,
        float(min(table.n_true, table.n_pred) + 1 if most_pairs else 0),
    )
    return rows[chosen[chosen >= 0]]
