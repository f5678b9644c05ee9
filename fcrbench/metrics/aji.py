"""Aggregated Jaccard Index, as published and with one-to-one matching."""

from __future__ import annotations

from numpy.typing import ArrayLike

from fcrbench.kernels.assignment import assign
from fcrbench.metrics.overlap import overlap_table
from fcrbench.metrics.ratios import Empty, empty_value, ratio
from fcrbench.metrics.table import OverlapTable


def aji(truth: ArrayLike, pred: ArrayLike, *, empty: Empty = "nan") -> float:
    """Aggregated Jaccard Index (Kumar et al. 2017).

    Each truth object takes the prediction with the largest IoU, on a tie the one with the lowest id; several
    truth objects may take the same prediction. Each such pair adds |T & P| to C and |T | P| to U. A truth
    object without overlap adds |T| to U, and a prediction that no truth object takes adds |P| to U. AJI is
    C / U. It is not symmetric in truth and pred.

    Args:
        truth, pred: label images as in `overlap_table`, which names the errors raised.
        empty: the value if neither image has an object; see `score`.
    """
    value = empty_value(empty)
    table = overlap_table(truth, pred)
    return value if table.both_empty else ratio(*aji_terms(table))


def aji_plus(truth: ArrayLike, pred: ArrayLike, *, empty: Empty = "nan") -> float:
    """AJI+ (hover_net, Graham et al. 2019): AJI with the one-to-one matching that has the largest total IoU.

    That matching need not be unique. Among matchings with equal total IoU (within 1e-9), the one with the
    largest total intersection counts. As U is then the area of all objects minus C, this makes AJI+ unique,
    and symmetric in truth and pred.

    Args:
        truth, pred: label images as in `overlap_table`, which names the errors raised.
        empty: the value if neither image has an object; see `score`.
    """
    value = empty_value(empty)
    table = overlap_table(truth, pred)
    return value if table.both_empty else ratio(*aji_plus_terms(table))


def aji_terms(table: OverlapTable) -> tuple[int, int]:
    """Return C and U of AJI, in pixels."""
    return table.sums.aji_shared, table.sums.aji_union


def aji_plus_terms(table: OverlapTable) -> tuple[int, int]:
    """Return C and U of AJI+, in pixels."""
    pairs = (table.true_index, table.pred_index, table.shared, table.union)
    _, shared = assign(*pairs, table.n_true, table.n_pred, 0.0)
    return shared, table.sums.areas - shared
