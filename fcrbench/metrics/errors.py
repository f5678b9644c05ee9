"""Split and merged objects, by either of two rules."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fcrbench.metrics.matching import as_threshold
from fcrbench.metrics.overlap import overlap_table


class SplitsMerges(NamedTuple):
    """Numbers of split truth objects and of merging predictions."""

    splits: int
    merges: int


def splits_merges(truth: ArrayLike, pred: ArrayLike, iou: float | None = None) -> SplitsMerges:
    """Split truth objects and merging predictions of one pair of label images.

    By halves (iou=None), the rule of this project, which `score` counts by: a merge is a predicted object
    that covers more than half of the area of each of two or more truth objects; a split is a truth object
    inside which lies more than half of the area of each of two or more predicted objects. How small the parts
    of a split are, and how large what merges two objects is, plays no part.

    By IoU (iou=0.1), the rule of the code of Caicedo et al. 2019 (unet4nuclei, utils/evaluation.py,
    get_splits_and_merges): a merge is a predicted object, a split a truth object with two or more partners at
    IoU > iou. A merge of many objects or a small part beside a large one falls below that IoU.

    Swapping truth and prediction swaps the two. An object may take part in both; false positives and missed
    objects count in neither.

    Label images as in `overlap_table`, with its errors. ValueError: iou is no number from 0 to 1.
    """
    threshold = None if iou is None else as_threshold(iou)
    table = overlap_table(truth, pred)
    if threshold is None:
        return SplitsMerges(table.sums.splits, table.sums.merges)
    partners = threshold.denominator * table.shared > threshold.numerator * table.union
    of_true = np.bincount(table.true_index[partners], minlength=table.n_true)
    of_pred = np.bincount(table.pred_index[partners], minlength=table.n_pred)
    return SplitsMerges(int((of_true >= 2).sum()), int((of_pred >= 2).sum()))
