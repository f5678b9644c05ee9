"""Counts of split and merged objects, by either of two rules."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fcrbench.metrics.matching import parse_threshold
from fcrbench.metrics.overlap import overlap_table


class SplitsMerges(NamedTuple):
    """The number of split truth objects and of merging predictions."""

    splits: int
    merges: int


def splits_merges(truth: ArrayLike, pred: ArrayLike, iou: float | None = None) -> SplitsMerges:
    """Count split truth objects and merging predictions of one pair of label images.

    With iou=None, objects are counted by halves, the rule of this project, which `score` also uses. A merge
    is a predicted object that covers more than half of the area of each of two or more truth objects. A split
    is a truth object that contains more than half of the area of each of two or more predicted objects. The
    rule does not depend on how small the parts of a split are, or on how large the merging prediction is.

    With a number such as iou=0.1, objects are counted by IoU, the rule in the code of Caicedo et al. 2019
    (unet4nuclei, utils/evaluation.py, get_splits_and_merges). A merge is a predicted object, and a split is a
    truth object, with two or more partners at IoU > iou. This rule misses a merge of many objects and a small
    part beside a large one, as their IoU is too low.

    Swapping truth and prediction swaps the two counts. An object may count in both. False positives and
    missed objects count in neither.

    Args:
        truth, pred: label images as in `overlap_table`, which names the errors raised.
        iou: None, or a number from 0 to 1; anything else raises ValueError.
    """
    threshold = None if iou is None else parse_threshold(iou)
    table = overlap_table(truth, pred)
    if threshold is None:
        return SplitsMerges(table.sums.splits, table.sums.merges)
    are_partners = threshold.denominator * table.shared > threshold.numerator * table.union
    partners_of_true = np.bincount(table.true_index[are_partners], minlength=table.n_true)
    partners_of_pred = np.bincount(table.pred_index[are_partners], minlength=table.n_pred)
    return SplitsMerges(int((partners_of_true >= 2).sum()), int((partners_of_pred >= 2).sum()))
