"""Objects matched at an IoU threshold: F1, panoptic quality, average precision.

A pair matches at threshold t when IoU > t, or IoU >= t with `inclusive=True` as stardist and cellpose count.
The comparison is one of integers: t is read as the nearest fraction with a denominator up to 10 000, so that
0.7 means 7/10 and 10 |T & P| is compared with 7 |T | P|. From t = 0.5 on, an object can exceed the threshold
with one partner only; where it could with several (below 0.5, or at 0.5 inclusive), the matching has the most
pairs and among those the largest total IoU. Other programs decide otherwise there, see
docs/why-our-number-differs.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.metrics.assignment import most_pairs
from fcrbench.metrics.empty import Empty, empty_value, ratio
from fcrbench.metrics.overlap import overlap_table
from fcrbench.metrics.table import OverlapTable

IOU_THRESHOLDS = tuple(n / 100 for n in range(50, 100, 5))


@dataclass(frozen=True)
class Matching:
    """Which object matched which at one threshold.

    Attributes:
        iou: the threshold.
        true_ids, pred_ids: (tp,) uint64, the matched pairs, in order of the truth objects' first pixels.
        pair_iou: (tp,) float64.
        missed_ids: (fn,) uint64, truth objects without a partner; spurious_ids: (fp,), predicted ones.
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
    """Match objects one to one at an IoU threshold, 0 <= iou <= 1.

    Label images as in `overlap_table`, with its errors. ValueError: iou is no number from 0 to 1.
    """
    threshold = as_threshold(iou)
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

    Label images as in `overlap_table`, with its errors. empty: the value when both images hold no object.
    """
    value, threshold = empty_value(empty), as_threshold(iou)
    table = overlap_table(truth, pred)
    if table.both_empty:
        return value
    return ratio(2 * len(matched_pairs(table, threshold, inclusive)), table.n_true + table.n_pred)


def pq(
    truth: ArrayLike, pred: ArrayLike, iou: float = 0.5, *, inclusive: bool = False, empty: Empty = "nan"
) -> float:
    """Panoptic quality = sum of the IoU of the TP / (TP + FP/2 + FN/2) (Kirillov et al. 2019; one class).

    PQ = SQ x RQ holds for one image only, not for means over images; `score` gives all three.
    Label images as in `overlap_table`, with its errors. empty: the value when both images hold no object.
    """
    value, threshold = empty_value(empty), as_threshold(iou)
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
    """AP_t = TP / (TP + FP + FN) at one IoU threshold, or the mean over several (default 0.50, 0.55 .. 0.95).

    As in the Data Science Bowl 2018, stardist and cellpose. Neither the area under a precision-recall curve
    (COCO), nor precision TP / (TP + FP). Label images as in `overlap_table`, with its errors. empty: the
    value when both images hold no object. ValueError: a threshold is no number from 0 to 1, or none is given.
    """
    value = empty_value(empty)
    thresholds = [as_threshold(t) for t in (iou if isinstance(iou, Iterable) else [iou])]
    if not thresholds:
        raise ValueError("iou: expected at least one threshold, found none")
    table = overlap_table(truth, pred)
    if table.both_empty:
        return value
    total = table.n_true + table.n_pred
    counts = [len(matched_pairs(table, t, inclusive)) for t in thresholds]
    return float(np.mean([ratio(tp, total - tp) for tp in counts]))


def as_threshold(iou: float) -> Fraction:
    """The threshold as the fraction that is meant; ValueError if it is none from 0 to 1."""
    if not isinstance(iou, Real) or not 0 <= iou <= 1:
        raise ValueError(f"iou: expected a number from 0 to 1, found {iou!r}")
    return Fraction(iou if isinstance(iou, Fraction) else float(iou)).limit_denominator(10_000)


def matched_pairs(table: OverlapTable, threshold: Fraction, inclusive: bool) -> NDArray[np.int64]:
    """Rows of the table that match one to one at the threshold."""
    left, right = threshold.denominator * table.shared, threshold.numerator * table.union
    rows = np.flatnonzero(left >= right if inclusive else left > right)
    above_half = 2 * threshold.numerator - threshold.denominator
    # Two partners with IoU >= 1/2 share an object half and half: both IoU are exactly 1/2.
    if above_half > 0 or (above_half == 0 and not (inclusive and (left[rows] == right[rows]).any())):
        return rows
    return most_pairs(table, rows)
