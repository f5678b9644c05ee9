"""One-to-one matching at an IoU threshold where an object may have several partners."""

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels.assignment import assign
from fcrbench.metrics.table import OverlapTable


def most_pairs(table: OverlapTable, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of these rows of the table those that match each object at most once, as many as possible.

    Of equal numbers of pairs, those with the largest total IoU; of equal totals, with the largest total
    intersection.
    """
    true_index, pred_index = table.true_index[rows], table.pred_index[rows]
    # In order of ids, so that what is left to chance does not hang on the layout of the arrays.
    order = np.lexsort((table.pred_ids[pred_index], table.true_ids[true_index]))
    rows, true_index, pred_index = rows[order], true_index[order], pred_index[order]
    another = float(min(table.n_true, table.n_pred) + 1)  # worth more than any total IoU
    chosen, _ = assign(
        true_index, pred_index, table.shared[rows], table.union[rows], table.n_true, table.n_pred, another
    )
    return rows[chosen[chosen >= 0]]
