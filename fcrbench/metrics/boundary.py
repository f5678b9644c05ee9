"""How well the outlines fit: boundary F and Hausdorff distance."""

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
    from the nearest pixel of the other; distances between pixel centres. 0 only for equal objects.

    Args:
        truth, pred: label images as in `score`.
        tolerance: distance, in the unit of spacing.
        iou, inclusive: which objects match, as in `matching`.
        spacing: side of a pixel, or one for each axis.
        empty: precision, recall and f1 where neither image has a boundary pixel; with none on one side, 0.

    Raises:
        TypeError, ValueError: as `matching`; tolerance is negative; spacing is not positive, or neither one
            number nor one for each axis.
    """
    nothing = empty_value(empty)
    if not isinstance(tolerance, Real) or not 0 <= tolerance < math.inf:
        raise ValueError(f"tolerance: expected a number >= 0, found {tolerance!r}")
    found = matching(truth, pred, iou, inclusive=inclusive)
    true_labels, pred_labels = as_labels(truth, "truth"), as_labels(pred, "pred")
    sides = _spacing(spacing, true_labels.ndim)
    true_edge, pred_edge = boundary_mask(true_labels), boundary_mask(pred_labels)

    true_points = np.argwhere(true_edge) * sides
    pred_points = np.argwhere(pred_edge) * sides
    if len(true_points) or len(pred_points):
        precision, recall, f1 = _boundary_f(true_points, pred_points, tolerance)
    else:
        precision = recall = f1 = nothing

    pair_f1, pair_hausdorff = np.full((2, found.tp), np.nan)
    true_pixels = _pixels_of(true_labels, found.true_ids)
    pred_pixels = _pixels_of(pred_labels, found.pred_ids)
    true_flat, pred_flat = true_edge.reshape(-1), pred_edge.reshape(-1)

    def points(pixels: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.stack(np.unravel_index(pixels, true_labels.shape), axis=1) * sides

    for i, (t, p) in enumerate(zip(true_pixels, pred_pixels, strict=True)):
        true_rim, pred_rim = points(t[true_flat[t]]), points(p[pred_flat[p]])
        if len(true_rim) or len(pred_rim):
            _, _, pair_f1[i] = _boundary_f(true_rim, pred_rim, tolerance)
        # The pixel of an object nearest to one outside it is a boundary pixel: a step from it towards the
        # one outside leaves the object. So the boundaries are enough to measure from.
        missed = points(np.setdiff1d(t, p, assume_unique=True))
        added = points(np.setdiff1d(p, t, assume_unique=True))
        pair_hausdorff[i] = max(
            _distances(missed, pred_rim).max(initial=0.0), _distances(added, true_rim).max(initial=0.0)
        )
    return BoundaryScores(
        float(tolerance), precision, recall, f1, found.true_ids, found.pred_ids, pair_f1, pair_hausdorff
    )


def boundary_mask(labels: NDArray) -> NDArray[np.bool_]:
    """Pixels of objects beside a pixel, over an edge or a face, that is not of the same object."""
    mask = np.zeros(labels.shape, np.bool_)
    for axis in range(labels.ndim):
        ahead = np.moveaxis(mask, axis, 0)
        values = np.moveaxis(labels, axis, 0)
        changes = values[1:] != values[:-1]
        ahead[1:] |= changes
        ahead[:-1] |= changes
    return mask & (labels != 0)


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
    return KDTree(to).query(points)[0]


def _pixels_of(labels: NDArray, ids: NDArray[np.uint64]) -> list[NDArray[np.int64]]:
    """Flat positions of the pixels of each object, ascending, in the order of ids."""
    if not len(ids):
        return []
    flat = labels.reshape(-1)
    where = np.flatnonzero(flat)
    values = flat[where].astype(np.uint64)
    order = np.argsort(ids)
    at = np.minimum(np.searchsorted(ids, values, sorter=order), len(ids) - 1)
    index = order[at]
    kept = ids[index] == values
    where, index = where[kept], index[kept]
    by_object = np.argsort(index, kind="stable")
    return np.split(where[by_object], np.cumsum(np.bincount(index, minlength=len(ids)))[:-1])


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
