"""How well the outlines fit: boundary F and Hausdorff distance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.labels import as_labels
from fcrbench.metrics.empty import Empty, empty_value, ratio
from fcrbench.metrics.matching import matching


@dataclass(frozen=True)
class BoundaryScores:
    """Fit of the outlines of one pair of label images; distances in the unit of `spacing`, by default pixels.

    Attributes:
        tolerance: how far apart two boundary pixels may lie.
        precision, recall, f1: of the boundary pixels of all objects of the image.
        true_ids, pred_ids: (tp,) uint64, the matched pairs, as `matching` gives them.
        pair_f1: (tp,) float64, boundary F of each pair; NaN where neither object has a boundary pixel.
        pair_hausdorff: (tp,) float64, symmetric Hausdorff distance of each pair.
    """

    tolerance: float
    precision: float
    recall: float
    f1: float
    true_ids: NDArray[np.uint64]
    pred_ids: NDArray[np.uint64]
    pair_f1: NDArray[np.float64]
    pair_hausdorff: NDArray[np.float64]


def boundary(
    truth: ArrayLike,
    pred: ArrayLike,
    tolerance: float = 2.0,
    iou: float = 0.5,
    *,
    inclusive: bool = False,
    spacing: float | Sequence[float] = 1.0,
    empty: Empty = "nan",
) -> BoundaryScores:
    """Boundary F of the image and of every matched pair, and the Hausdorff distance of every matched pair.

    A pixel of an object is a boundary pixel if a pixel beside it (over an edge; over a face in 3-D) is not of
    that object; what lies outside the image does not count, as no one knows how an object goes on there.
    Boundary F (Csurka et al. 2013): precision is the share of predicted boundary pixels that have a true one
    within the tolerance, recall the share of true ones that have a predicted one; F = 2 P R / (P + R). For a
    pair, only the pixels of its two objects count.

    Hausdorff distance of two objects (Huttenlocher et al. 1993): the largest distance of a pixel of either
    from the nearest pixel of the other, not of one outline from the other; distances between pixel centres. 0
    only for equal objects.

    Args:
        truth, pred: label images as in `score`.
        tolerance: distance, in the unit of spacing.
        iou, inclusive: which objects match, as in `matching`.
        spacing: side of a pixel, or one for each axis.
        empty: precision, recall and f1 where neither image has a boundary pixel; with none on one side, 0.

    Raises:
        TypeError, ValueError: as `matching`; tolerance is negative; spacing is not positive, or neither one
            number nor one for each axis.

    torch tensors on an accelerator are copied to the host.
    """
    nothing = empty_value(empty)
    if not isinstance(tolerance, Real) or not 0 <= tolerance < math.inf:
        raise ValueError(f"tolerance: expected a number >= 0, found {tolerance!r}")
    true_labels, pred_labels = as_labels(truth, "truth"), as_labels(pred, "pred")
    found = matching(true_labels, pred_labels, iou, inclusive=inclusive)
    sides = _spacing(spacing, true_labels.ndim)
    true_edge, pred_edge = boundary_mask(true_labels), boundary_mask(pred_labels)

    true_points = np.argwhere(true_edge) * sides
    pred_points = np.argwhere(pred_edge) * sides
    if len(true_points) or len(pred_points):
        precision, recall, f1 = _boundary_f(true_points, pred_points, tolerance)
    else:
        precision = recall = f1 = nothing

    # Every pair in one search: objects of different pairs are set apart along one more axis, by more than
    # any distance within the image.
    reach = float(np.linalg.norm(np.array(true_labels.shape) * sides)) + 1
    truths = _Side.of(true_labels, pred_labels, found.true_ids, found.pred_ids, true_edge, sides, reach)
    preds = _Side.of(pred_labels, true_labels, found.pred_ids, found.true_ids, pred_edge, sides, reach)
    near = min(float(tolerance), reach)
    pair_recall, true_far = truths.measured(preds, found.tp, near)
    pair_precision, pred_far = preds.measured(truths, found.tp, near)
    both = pair_precision + pair_recall
    pair_f1 = np.divide(2 * pair_precision * pair_recall, both, out=np.zeros(found.tp), where=both > 0)
    pair_f1[np.isnan(pair_precision) & np.isnan(pair_recall)] = np.nan
    return BoundaryScores(
        float(tolerance),
        precision,
        recall,
        f1,
        found.true_ids,
        found.pred_ids,
        pair_f1,
        np.maximum(true_far, pred_far),
    )


@dataclass
class _Side:
    """Pixels of the matched objects of one image: which pair they are of, where, and of what kind."""

    pair: NDArray[np.int64]
    points: NDArray[np.float64]
    rim: NDArray[np.bool_]  # boundary pixels
    outside: NDArray[np.bool_]  # pixels that the partner has not

    @classmethod
    def of(
        cls,
        labels: NDArray,
        others: NDArray,
        ids: NDArray[np.uint64],
        partners: NDArray[np.uint64],
        edge: NDArray[np.bool_],
        sides: NDArray[np.float64],
        reach: float,
    ) -> _Side:
        flat = labels.reshape(-1)
        where = np.flatnonzero(flat) if len(ids) else np.empty(0, np.int64)
        values = flat[where].astype(np.uint64)
        order = np.argsort(ids)
        pair = order[np.minimum(np.searchsorted(ids, values, sorter=order), len(ids) - 1)]
        matched = ids[pair] == values
        where, pair = where[matched], pair[matched]
        outside = others.reshape(-1)[where].astype(np.uint64) != partners[pair]
        pixels = np.stack(np.unravel_index(where, labels.shape), axis=1) * sides
        points = np.concatenate([reach * pair[:, None], pixels], axis=1)
        return cls(pair, points, edge.reshape(-1)[where], outside)

    def measured(self, other: _Side, n: int, near: float) -> tuple[NDArray, NDArray]:
        """Of each pair: the share of boundary pixels within `near` of the partner's, NaN if there are none;
        and the largest distance of a pixel from the partner.
        """
        # The pixel of an object nearest to one outside it is a boundary pixel: a step from it towards the
        # one outside leaves the object. So the boundary is enough to measure from.
        asked = self.rim | self.outside
        distance = np.zeros(len(self.pair))
        distance[asked] = _distances(self.points[asked], other.points[other.rim])
        rim = np.bincount(self.pair[self.rim], minlength=n)
        hits = np.bincount(self.pair[self.rim & (distance <= near)], minlength=n)
        far = np.zeros(n)
        np.maximum.at(far, self.pair[self.outside], distance[self.outside])
        return np.divide(hits, rim, out=np.full(n, np.nan), where=rim > 0), far


def boundary_mask(labels: ArrayLike) -> NDArray[np.bool_]:
    """Pixels of objects beside a pixel, over an edge or a face, that is not of the same object.

    Args:
        labels: any shape and integer dtype, 0 is background. A torch tensor on an accelerator is copied to
            the host.

    Raises TypeError for labels that are not integers.
    """
    image = as_labels(labels, "labels")
    mask = np.zeros(image.shape, np.bool_)
    for axis in range(image.ndim):
        ahead = np.moveaxis(mask, axis, 0)
        values = np.moveaxis(image, axis, 0)
        changes = values[1:] != values[:-1]
        ahead[1:] |= changes
        ahead[:-1] |= changes
    return mask & (image != 0)


def _boundary_f(
    true_points: NDArray[np.float64], pred_points: NDArray[np.float64], tolerance: float
) -> tuple[float, float, float]:
    precision = _share(_distances(pred_points, true_points) <= tolerance)
    recall = _share(_distances(true_points, pred_points) <= tolerance)
    return precision, recall, ratio(2 * precision * recall, precision + recall)


def _share(near: NDArray[np.bool_]) -> float:
    return ratio(int(np.count_nonzero(near)), len(near))


def _distances(points: NDArray[np.float64], to: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each point from the nearest of the others; infinite if there is none."""
    from scipy.spatial import KDTree

    if not len(points) or not len(to):
        return np.full(len(points), np.inf)
    return KDTree(to, balanced_tree=False, compact_nodes=False).query(points)[0]


def _spacing(spacing: float | Sequence[float], n_dim: int) -> NDArray[np.float64]:
    try:
        sides = np.broadcast_to(np.asarray(spacing, np.float64), (n_dim,))
    except (TypeError, ValueError):
        sides = np.zeros(1)
    if not ((sides > 0) & np.isfinite(sides)).all():
        raise ValueError(
            f"spacing: expected a positive number, or one for each of {n_dim} axes, found {spacing!r}"
        )
    return sides
