"""Aggregated Jaccard Index, as published and with one-to-one matching."""

from __future__ import annotations

from numpy.typing import ArrayLike

from fcrbench.kernels.assignment import assign
from fcrbench.metrics.empty import Empty, empty_value, ratio
from fcrbench.metrics.overlap import overlap_table
from fcrbench.metrics.table import OverlapTable


def aji(truth: ArrayLike, pred: ArrayLike, *, empty: Empty = "nan") -> float:
    """Aggregated Jaccard Index (Kumar et al. 2017).

    Each truth object takes the prediction of largest IoU (of equal ones that of the lowest id; a prediction
    may serve several) and adds |T & P| to C and |T | P| to U; a truth object without overlap adds |T| to U,
    every prediction never taken adds |P| to U. AJI = C / U. Not symmetric in truth and pred.

    Label images as in `overlap_table`, with its errors. empty: the value when both images hold no object.
    """
    value = empty_value(empty)
    table = overlap_table(truth, pred)
    return value if table.both_empty else ratio(*aji_terms(table))


def aji_plus(truth: ArrayLike, pred: ArrayLike, *, empty: Empty = "nan") -> float:
    """AJI+ (hover_net, Graham et al. 2019): AJI with the one-to-one matching of largest total IoU.

    That matching need not be unique; of those with equal total IoU (within 1e-9) the one of largest total
    intersection counts. As U is then the area of all objects less C, this makes AJI+ unique, and symmetric in
    truth and pred.

    Label images as in `overlap_table`, with its errors. empty: the value when both images hold no object.
    """
    value = empty_value(empty)
    table = overlap_table(truth, pred)
    return value if table.both_empty else ratio(*aji_plus_terms(table))


def aji_terms(table: OverlapTable) -> tuple[int, int]:
    """C and U of AJI, in pixels."""
    return table.sums.aji_shared, table.sums.aji_union


def aji_plus_terms(table: OverlapTable) -> tuple[int, int]:
    """C and U of AJI+, in pixels."""
    pairs = (table.true_index, table.pred_index, table.shared, table.union)
    _, shared = assign(*pairs, table.n_true, table.n_pred, 0.0)
    return shared, table.sums.areas - shared
