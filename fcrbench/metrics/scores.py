"""All metrics of one pair of label images."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fractions import Fraction
from math import fsum

import numpy as np
from numpy.typing import ArrayLike

from fcrbench.kernels.matching import count_above
from fcrbench.label_checks import warn_about
from fcrbench.metrics.aji import aji_plus_terms, aji_terms
from fcrbench.metrics.dice import dice2_terms, dice_terms
from fcrbench.metrics.matching import IOU_THRESHOLDS, matched_pairs
from fcrbench.metrics.overlap import overlap_table
from fcrbench.metrics.ratios import Empty, empty_value, ratio
from fcrbench.metrics.table import OverlapTable

_THRESHOLDS_PERCENT = np.array([round(100 * t) for t in IOU_THRESHOLDS], np.int64)


@dataclass(frozen=True)
class Scores:
    """All metrics of one image. Ratios are from 0 to 1; for images without objects see `empty` of `score`.

    f1, pq, sq, rq, precision, recall, tp, fp and fn are at IoU 0.5; ap is the mean of `ap_per_iou`. iou_sum
    is the sum of the IoU of the TP. Pooled values of a data set are computed from iou_sum and from the
    numerators and denominators, which are in pixels. ap_per_iou and f1_per_iou have a value for each of
    `IOU_THRESHOLDS`.
    """

    dice: float
    dice2: float
    aji: float
    aji_plus: float
    f1: float
    pq: float
    sq: float
    rq: float
    ap: float
    precision: float
    recall: float
    tp: int
    fp: int
    fn: int
    n_true: int
    n_pred: int
    splits: int
    merges: int
    iou_sum: float
    dice_numerator: int
    dice_denominator: int
    dice2_numerator: int
    dice2_denominator: int
    aji_numerator: int
    aji_denominator: int
    aji_plus_numerator: int
    aji_plus_denominator: int
    ap_per_iou: tuple[float, ...]
    f1_per_iou: tuple[float, ...]

    def to_dict(self) -> dict[str, float | int]:
        """Return a flat dict: the scalar fields, ap_50 .. ap_95 and f1_50 .. f1_95 (threshold in percent)."""
        scalars = [getattr(self, name) for name in SCALARS]
        return dict(zip(COLUMNS, [*scalars, *self.ap_per_iou, *self.f1_per_iou], strict=True))


SCALARS = tuple(f.name for f in dataclasses.fields(Scores) if not f.name.endswith("_per_iou"))
AP_COLUMNS = tuple(f"ap_{round(100 * t)}" for t in IOU_THRESHOLDS)
F1_COLUMNS = tuple(f"f1_{round(100 * t)}" for t in IOU_THRESHOLDS)
COLUMNS = SCALARS + AP_COLUMNS + F1_COLUMNS
RATIOS = tuple(
    f.name for f in dataclasses.fields(Scores) if f.type in ("float", float) and f.name != "iou_sum"
)


def score(truth: ArrayLike, pred: ArrayLike, *, empty: Empty = "nan", inclusive: bool = False) -> Scores:
    """Compute all metrics of one pair of label images, in one pass over the pixels.

    Args:
        truth, pred: (H, W) or (D, H, W), any integer dtype and layout; 0 is background, ids are positive
            integers and may have gaps.
        empty: value of every ratio if neither image has an object: "nan" (such images are left out of means),
            "one" or "zero". If only one image has objects, every ratio is 0.
        inclusive: match at IoU >= t instead of IoU > t.

    Raises:
        TypeError: an array is not of an integer dtype.
        ValueError: shapes differ or are neither 2-D nor 3-D, an id is negative, or `empty` is unknown.

    Warns with `fcrbench.errors.LabelWarning` if an array looks like no label image: a mask of 0 and 255,
    interpolated ids, intensities.
    """
    empty_value(empty)
    table = overlap_table(truth, pred)
    warn_about({"truth": truth, "pred": pred})
    return scores_from_table(table, empty=empty, inclusive=inclusive)


def scores_from_table(table: OverlapTable, *, empty: Empty = "nan", inclusive: bool = False) -> Scores:
    """Compute all metrics from an overlap table."""
    value_if_empty = empty_value(empty)
    objects = table.n_true + table.n_pred
    counts, matched_iou = np.empty(len(_THRESHOLDS_PERCENT), np.int64), np.empty(len(table.shared))
    tp, halves = count_above(table.shared, table.union, _THRESHOLDS_PERCENT, inclusive, counts, matched_iou)
    iou_sum = fsum(
        matched_iou[:tp].tolist()
    )  # rounded once, so that the order of the objects does not matter
    if inclusive and halves:  # at IoU 1/2 an object may have several partners
        rows = matched_pairs(table, Fraction(1, 2), inclusive)
        tp, iou_sum = len(rows), fsum(table.iou[rows].tolist())
    tp_per_iou = [tp, *counts.tolist()[1:]]
    dice, dice2 = dice_terms(table), dice2_terms(table)
    aji, aji_plus = aji_terms(table), aji_plus_terms(table)

    def undefined(numerator: float, denominator: float) -> float:
        return value_if_empty

    value = undefined if table.both_empty else ratio
    f1_per_iou = tuple(value(2 * n, objects) for n in tp_per_iou)
    ap_per_iou = tuple(value(n, objects - n) for n in tp_per_iou)
    return Scores(
        dice=value(*dice),
        dice2=value(*dice2),
        aji=value(*aji),
        aji_plus=value(*aji_plus),
        f1=f1_per_iou[0],
        pq=value(2 * iou_sum, objects),
        sq=value(iou_sum, tp),
        rq=f1_per_iou[0],
        ap=sum(ap_per_iou) / len(ap_per_iou),
        precision=value(tp, table.n_pred),
        recall=value(tp, table.n_true),
        tp=tp,
        fp=table.n_pred - tp,
        fn=table.n_true - tp,
        n_true=table.n_true,
        n_pred=table.n_pred,
        splits=table.sums.splits,
        merges=table.sums.merges,
        iou_sum=iou_sum,
        dice_numerator=dice[0],
        dice_denominator=dice[1],
        dice2_numerator=dice2[0],
        dice2_denominator=dice2[1],
        aji_numerator=aji[0],
        aji_denominator=aji[1],
        aji_plus_numerator=aji_plus[0],
        aji_plus_denominator=aji_plus[1],
        ap_per_iou=ap_per_iou,
        f1_per_iou=f1_per_iou,
    )
