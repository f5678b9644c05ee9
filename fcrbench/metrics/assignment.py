"""One-to-one matching at an IoU threshold where an object may have several partners."""

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels.assignment import assign
from fcrbench.metrics.table import OverlapTable


def match_most_pairs(table: OverlapTable, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Choose as many of these rows of the table as possible such that each object occurs at most once.

    Among choices with equally many pairs, take the one with the largest total IoU; among equal totals, the
    one with the largest total intersection.
    """
    true_index, pred_index = table.true_index[rows], table.pred_index[rows]
    # Sort by ids, so that remaining ties do not depend on the memory layout of the images.
    order = np.lexsort((table.pred_ids[pred_index], table.true_ids[true_index]))
    rows, true_index, pred_index = rows[order], true_index[order], pred_index[order]
    pair_bonus = float(min(table.n_true, table.n_pred) + 1)  # one more pair outweighs any total IoU
    chosen, _ = assign(
        true_index, pred_index, table.shared[rows], table.union[rows], table.n_true, table.n_pred, pair_bonus
    )
    return rows[chosen[chosen >= 0]]
