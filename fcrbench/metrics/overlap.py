"""The sparse overlap table of a truth and a predicted label image: one pass over the pixels feeds every
metric.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.kernels._arrays import flat_unsigned
from fcrbench.kernels.matching import sum_pairs
from fcrbench.kernels.overlap import SLAB
from fcrbench.labels import PairTable, as_labels, check_ids, on_device


class Sums(NamedTuple):
    """What most metrics are made of: in pixels, the intersections of all pairs, the areas of all objects, the
    areas of both objects of all pairs, C and U of AJI; then the counts of `metrics.splits_merges` by halves.
    """

    shared: int
    areas: int
    pair_areas: int
    aji_shared: int
    aji_union: int
    splits: int
    merges: int


@dataclass(frozen=True)
class OverlapTable:
    """Objects of both images and the pixels they share.

    Attributes:
        true_ids, pred_ids: (n,), (m,) uint64, ids in order of appearance.
        true_area, pred_area: (n,), (m,) int64, in pixels.
        true_index, pred_index: (k,) int64, for each overlapping pair where its objects are in these arrays.
        shared: (k,) int64, pixels of the pair's intersection, > 0.
    """

    true_ids: NDArray[np.uint64]
    pred_ids: NDArray[np.uint64]
    true_area: NDArray[np.int64]
    pred_area: NDArray[np.int64]
    true_index: NDArray[np.int64]
    pred_index: NDArray[np.int64]
    shared: NDArray[np.int64]

    @property
    def n_true(self) -> int:
        return len(self.true_ids)

    @property
    def n_pred(self) -> int:
        return len(self.pred_ids)

    @property
    def both_empty(self) -> bool:
        return not (len(self.true_ids) or len(self.pred_ids))

    @cached_property
    def union(self) -> NDArray[np.int64]:
        """(k,) pixels of each pair's union."""
        return self.true_area[self.true_index] + self.pred_area[self.pred_index] - self.shared

    @cached_property
    def iou(self) -> NDArray[np.float64]:
        """(k,) intersection over union of each pair."""
        return self.shared / self.union

    @cached_property
    def sums(self) -> Sums:
        """One pass over the pairs."""
        arrays = (self.true_area, self.pred_area, self.true_index, self.pred_index, self.shared)
        return Sums(*sum_pairs(*arrays, self.pred_ids))

    def iou_sum(self, rows: NDArray[np.int64]) -> float:
        """Sum of the IoU of some pairs, rounded once: no order of the objects changes its last digit."""
        return math.fsum(self.iou[rows].tolist())


def overlap_table(truth: ArrayLike, pred: ArrayLike) -> OverlapTable:
    """Table of two label images of equal shape; memory grows with the number of overlapping pairs, not with n
    x m.

    Args:
        truth, pred: (H, W) or (D, H, W), any integer dtype; 0 is background, ids 1 .. 2**64 - 1.

    Raises:
        TypeError: an array is not of an integer dtype.
        ValueError: shapes differ, or are neither 2-D nor 3-D, or an id is negative.

    torch tensors on an accelerator are compared there; only the table comes to the host.
    """
    if on_device(truth) or on_device(pred):
        from fcrbench.metrics.device import device_overlap_table

        return device_overlap_table(truth, pred)
    true_labels, pred_labels = as_labels(truth, "truth"), as_labels(pred, "pred")
    if true_labels.shape != pred_labels.shape:
        raise ValueError(
            f"truth and pred: expected equal shapes, found {true_labels.shape} and {pred_labels.shape}"
        )
    if true_labels.ndim not in (2, 3):
        raise ValueError(f"truth and pred: expected 2-D or 3-D arrays, found shape {true_labels.shape}")

    pairs = PairTable()
    for true_flat, pred_flat in _flat_pieces(true_labels, pred_labels):
        pairs.add(true_flat, pred_flat)
    split = pairs.split()
    check_ids(split.ids[0], true_labels.dtype, "truth")
    check_ids(split.ids[1], pred_labels.dtype, "pred")
    return OverlapTable(*split.ids, *split.areas, *split.overlaps)


def _flat_pieces(truth: NDArray, pred: NDArray) -> Iterator[tuple[NDArray, NDArray]]:
    """Flat unsigned pieces of both arrays in the same order; only what is not contiguous is copied."""
    if truth.size == 0:
        return
    if truth.flags.f_contiguous and pred.flags.f_contiguous:
        truth, pred = truth.T, pred.T
    lines = len(truth)
    if not (truth.flags.c_contiguous and pred.flags.c_contiguous):
        lines = max(1, SLAB * lines // truth.size)
    for low in range(0, len(truth), lines):
        yield flat_unsigned(truth[low : low + lines]), flat_unsigned(pred[low : low + lines])
