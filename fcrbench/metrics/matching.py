"""Objects matched at an IoU threshold: F1, panoptic quality, average precision.

A pair matches at threshold t if IoU > t, or, with `inclusive=True`, if IoU >= t, as stardist and cellpose
count.
Integers are compared: t is read as the nearest fraction with a denominator up to 10 000, so that 0.7 means
7/10, and 10 |T & P| is compared with 7 |T | P|. For t >= 0.5, an object can exceed the threshold with one
partner only. Where several partners are possible (t < 0.5, or t = 0.5 with `inclusive`), the matching with
the most pairs is chosen, and among those the one with the largest total IoU. Other programs choose
differently there, see docs/why-our-number-differs.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.metrics.assignment import match_most_pairs
from fcrbench.metrics.overlap import overlap_table
from fcrbench.metrics.ratios import Empty, empty_value, ratio
from fcrbench.metrics.table import OverlapTable

IOU_THRESHOLDS = tuple(n / 100 for n in range(50, 100, 5))


@dataclass(frozen=True)
class Matching:
    """The pairs of objects that match at one threshold, and the objects without a partner.

    Attributes:
        iou: the threshold.
        true_ids, pred_ids: (tp,) uint64, the ids of the matched pairs, in order of the truth objects' first
            pixels.
        pair_iou: (tp,) float64, the IoU of each matched pair.
        missed_ids: (fn,) uint64, truth objects without a partner.
        spurious_ids: (fp,) uint64, predicted objects without a partner.
    """

    iou: float
    true_ids: NDArray[np.uint64]
    pred_ids: NDArray[np.uint64]
    pair_iou: NDArray[np.float64]
    missed_ids: NDArray[np.uint64]
    spurious_ids: NDArray[np.uint64]

    @property
    def tp(self) -> int:
        return len(self.true_ids)

    @property
    def fp(self) -> int:
        return len(self.spurious_ids)

    @property
    def fn(self) -> int:
        return len(self.missed_ids)


def matching(truth: ArrayLike, pred: ArrayLike, iou: float = 0.5, *, inclusive: bool = False) -> Matching:
    """Match objects one to one at an IoU threshold.

    Args:
        truth, pred: label images as in `overlap_table`, which names the errors raised.
        iou: the threshold, 0 <= iou <= 1; anything else raises ValueError.
        inclusive: match at IoU >= iou instead of IoU > iou.
    """
    threshold = parse_threshold(iou)
    table = overlap_table(truth, pred)
    rows = matched_pairs(table, threshold, inclusive)
    rows = rows[np.argsort(table.true_index[rows])]
    true_index, pred_index = table.true_index[rows], table.pred_index[rows]
    return Matching(
        float(iou),
        table.true_ids[true_index],
        table.pred_ids[pred_index],
        table.iou[rows],
        np.delete(table.true_ids, true_index),
        np.delete(table.pred_ids, pred_index),
    )


def f1(
    truth: ArrayLike, pred: ArrayLike, iou: float = 0.5, *, inclusive: bool = False, empty: Empty = "nan"
) -> float:
    """F1 = 2 TP / (2 TP + FP + FN) of objects matched at an IoU threshold (Caicedo et al. 2019).

    Args:
        truth, pred, iou, inclusive: as in `matching`.
        empty: the value if neither image has an object; see `score`.
    """
    value, threshold = empty_value(empty), parse_threshold(iou)
    table = overlap_table(truth, pred)
    if table.both_empty:
        return value
    return ratio(2 * len(matched_pairs(table, threshold, inclusive)), table.n_true + table.n_pred)


def pq(
    truth: ArrayLike, pred: ArrayLike, iou: float = 0.5, *, inclusive: bool = False, empty: Empty = "nan"
) -> float:
    """Panoptic quality = sum of the IoU of the TP / (TP + FP/2 + FN/2) (Kirillov et al. 2019; one class).

    PQ = SQ x RQ holds for one image only, not for means over images; `score` returns all three.

    Args:
        truth, pred, iou, inclusive: as in `matching`.
        empty: the value if neither image has an object; see `score`.
    """
    value, threshold = empty_value(empty), parse_threshold(iou)
    table = overlap_table(truth, pred)
    if table.both_empty:
        return value
    rows = matched_pairs(table, threshold, inclusive)
    return ratio(2 * table.iou_sum(rows), table.n_true + table.n_pred)


def average_precision(
    truth: ArrayLike,
    pred: ArrayLike,
    iou: float | Iterable[float] = IOU_THRESHOLDS,
    *,
    inclusive: bool = False,
    empty: Empty = "nan",
) -> float:
    """AP = TP / (TP + FP + FN) at one IoU threshold, or the mean over several.

    This is the AP of the Data Science Bowl 2018, stardist and cellpose. It is neither the area under a
    precision-recall curve (COCO) nor precision, TP / (TP + FP).

    Args:
        truth, pred, inclusive: as in `matching`.
        iou: one threshold or several, each from 0 to 1; anything else, or none, raises ValueError.
        empty: the value if neither image has an object; see `score`.
    """
    value = empty_value(empty)
    thresholds = [parse_threshold(t) for t in (iou if isinstance(iou, Iterable) else [iou])]
    if not thresholds:
        raise ValueError("iou: expected at least one threshold, found none")
    table = overlap_table(truth, pred)
    if table.both_empty:
        return value
    total = table.n_true + table.n_pred
    counts = [len(matched_pairs(table, t, inclusive)) for t in thresholds]
    return float(np.mean([ratio(tp, total - tp) for tp in counts]))


def parse_threshold(iou: float) -> Fraction:
    """Return the threshold as the nearest simple fraction. Raises ValueError unless it is from 0 to 1."""
    if not isinstance(iou, Real) or not 0 <= iou <= 1:
        raise ValueError(f"iou: expected a number from 0 to 1, found {iou!r}")
    return Fraction(iou if isinstance(iou, Fraction) else float(iou)).limit_denominator(10_000)


def matched_pairs(table: OverlapTable, threshold: Fraction, inclusive: bool) -> NDArray[np.int64]:
    """Return the rows of the table whose pairs match one to one at the threshold."""
    left, right = threshold.denominator * table.shared, threshold.numerator * table.union
    rows = np.flatnonzero(left >= right if inclusive else left > right)
    above_half = 2 * threshold.numerator - threshold.denominator
    # Two partners with IoU >= 1/2 share an object half and half: both IoU are exactly 1/2.
    if above_half > 0 or (above_half == 0 and not (inclusive and (left[rows] == right[rows]).any())):
        return rows
    return match_most_pairs(table, rows)
