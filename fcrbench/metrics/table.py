"""The sparse overlap table of a true and a predicted label image, from which all metrics are computed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels.matching import sum_pairs


class Sums(NamedTuple):
    """Sums over the table, from which most metrics are computed.

    Attributes:
        shared: pixels of the intersections of all pairs.
        areas: pixels of all objects of both images.
        pair_areas: pixels of both objects, summed over all pairs.
        aji_shared, aji_union: C and U of AJI, in pixels.
        splits, merges: the counts of `metrics.splits_merges` by halves.
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
    """The objects of both images and the pixels they share.

    Attributes:
        true_ids, pred_ids: (n,), (m,) uint64, the ids in order of appearance.
        true_area, pred_area: (n,), (m,) int64, the areas of the objects in pixels.
        true_index, pred_index: (k,) int64, for each overlapping pair the positions of its objects in the
            arrays above.
        shared: (k,) int64, pixels of the intersection of each pair, > 0.
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
        """(k,) int64, pixels of the union of each pair."""
        return self.true_area[self.true_index] + self.pred_area[self.pred_index] - self.shared

    @cached_property
    def iou(self) -> NDArray[np.float64]:
        """(k,) float64, intersection over union of each pair."""
        return self.shared / self.union

    @cached_property
    def sums(self) -> Sums:
        """All sums over the table, computed in one pass over the pairs."""
        arrays = (self.true_area, self.pred_area, self.true_index, self.pred_index, self.shared)
        return Sums(*sum_pairs(*arrays, self.pred_ids))

    def iou_sum(self, rows: NDArray[np.int64]) -> float:
        """Sum the IoU of some pairs, rounded once, so that the order of the objects does not matter."""
        return math.fsum(self.iou[rows].tolist())
