"""The fit of outlines: boundary F and Hausdorff distance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.labels import as_labels
from fcrbench.metrics.matching import matching
from fcrbench.metrics.ratios import Empty, empty_value, ratio


@dataclass(frozen=True)
class BoundaryScores:
    """Fit of the outlines of one pair of label images. Distances are in the unit of `spacing`, by default
    pixels.

    Attributes:
        tolerance: the largest distance at which two boundary pixels match.
        precision, recall, f1: scores of the boundary pixels of all objects of the image.
        true_ids, pred_ids: (tp,) uint64, the ids of the matched pairs, in the order of `matching`.
        pair_f1: (tp,) float64, boundary F of each pair; NaN if neither object has a boundary pixel.
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
    """Compute boundary F of the image, and boundary F and Hausdorff distance of every matched pair.

    A pixel of an object is a boundary pixel if it shares an edge (in 3-D a face) with a pixel that does not
    belong to the object. The border of the image does not make boundary pixels, as it is unknown how an
    object continues beyond it. Boundary F (Csurka et al. 2013): precision is the share of predicted boundary
    pixels that have a true one within the tolerance, recall is the share of true ones that have a predicted
    one, and F = 2 P R / (P + R). For a pair, only the pixels of its two objects count.

    The Hausdorff distance of two objects (Huttenlocher et al. 1993) is the largest distance of a pixel of
    either object from the nearest pixel of the other. It is measured between all pixels of the objects, not
    between their outlines, and between pixel centres. It is 0 only for equal objects.

    Args:
        truth, pred: label images as in `score`.
        tolerance: distance, in the unit of `spacing`.
        iou, inclusive: which objects match, as in `matching`.
        spacing: side length of a pixel, or one side length per axis.
        empty: precision, recall and f1 if neither image has a boundary pixel; if only one image has some,
            they are 0.

    Raises:
        TypeError: as `matching`.
        ValueError: as `matching`; the tolerance is negative; the spacing is not positive, or neither one
            number nor one per axis.

    torch tensors on an accelerator are copied to the host.
    """
    value_if_empty = empty_value(empty)
    if not isinstance(tolerance, Real) or not 0 <= tolerance < math.inf:
        raise ValueError(f"tolerance: expected a number >= 0, found {tolerance!r}")
    true_labels, pred_labels = as_labels(truth, "truth"), as_labels(pred, "pred")
    matched = matching(true_labels, pred_labels, iou, inclusive=inclusive)
    pixel_size = _check_spacing(spacing, true_labels.ndim)
    true_edge, pred_edge = boundary_mask(true_labels), boundary_mask(pred_labels)

    true_points = np.argwhere(true_edge) * pixel_size
    pred_points = np.argwhere(pred_edge) * pixel_size
    if len(true_points) or len(pred_points):
        precision, recall, f1 = _boundary_f(true_points, pred_points, tolerance)
    else:
        precision = recall = f1 = value_if_empty

    # Search all pairs at once: one more axis separates the objects of different pairs by more than any
    # distance within the image.
    separation = float(np.linalg.norm(np.array(true_labels.shape) * pixel_size)) + 1
    true_pixels = _MatchedPixels.from_labels(
        true_labels, pred_labels, matched.true_ids, matched.pred_ids, true_edge, pixel_size, separation
    )
    pred_pixels = _MatchedPixels.from_labels(
        pred_labels, true_labels, matched.pred_ids, matched.true_ids, pred_edge, pixel_size, separation
    )
    pair_tolerance = min(float(tolerance), separation)
    pair_recall, true_distance = true_pixels.compare(pred_pixels, matched.tp, pair_tolerance)
    pair_precision, pred_distance = pred_pixels.compare(true_pixels, matched.tp, pair_tolerance)
    total = pair_precision + pair_recall
    pair_f1 = np.divide(2 * pair_precision * pair_recall, total, out=np.zeros(matched.tp), where=total > 0)
    pair_f1[np.isnan(pair_precision) & np.isnan(pair_recall)] = np.nan
    return BoundaryScores(
        float(tolerance),
        precision,
        recall,
        f1,
        matched.true_ids,
        matched.pred_ids,
        pair_f1,
        np.maximum(true_distance, pred_distance),
    )


@dataclass
class _MatchedPixels:
    """The pixels of all matched objects of one image.

    Attributes:
        pair: (n,) the matched pair that each pixel belongs to.
        points: (n, 1 + dimensions) coordinates; the first one separates the pairs.
        on_boundary: (n,) whether the pixel is a boundary pixel of its object.
        outside_partner: (n,) whether the pixel lies outside the partner of its object.
    """

    pair: NDArray[np.int64]
    points: NDArray[np.float64]
    on_boundary: NDArray[np.bool_]
    outside_partner: NDArray[np.bool_]

    @classmethod
    def from_labels(
        cls,
        labels: NDArray,
        other_labels: NDArray,
        ids: NDArray[np.uint64],
        partner_ids: NDArray[np.uint64],
        edge: NDArray[np.bool_],
        pixel_size: NDArray[np.float64],
        separation: float,
    ) -> _MatchedPixels:
        """Collect the pixels of the objects `ids`; pairs are `separation` apart in the first coordinate."""
        flat = labels.reshape(-1)
        index = np.flatnonzero(flat) if len(ids) else np.empty(0, np.int64)
        values = flat[index].astype(np.uint64)
        order = np.argsort(ids)
        pair = order[np.minimum(np.searchsorted(ids, values, sorter=order), len(ids) - 1)]
        is_matched = ids[pair] == values
        index, pair = index[is_matched], pair[is_matched]
        outside_partner = other_labels.reshape(-1)[index].astype(np.uint64) != partner_ids[pair]
        positions = np.stack(np.unravel_index(index, labels.shape), axis=1) * pixel_size
        points = np.concatenate([separation * pair[:, None], positions], axis=1)
        return cls(pair, points, edge.reshape(-1)[index], outside_partner)

    def compare(self, other: _MatchedPixels, n: int, tolerance: float) -> tuple[NDArray, NDArray]:
        """Compare the objects of n pairs with their partners in the other image.

        Returns, for each pair, the share of boundary pixels within the tolerance of the partner's boundary,
        NaN if there are none, and the largest distance of a pixel from the partner.
        """
        # Distances from the boundary of the partner are enough: the partner's pixel nearest to a pixel
        # outside it is a boundary pixel, as a step from it towards that pixel leaves the partner.
        is_needed = self.on_boundary | self.outside_partner
        distance = np.zeros(len(self.pair))
        distance[is_needed] = _distances(self.points[is_needed], other.points[other.on_boundary])
        total = np.bincount(self.pair[self.on_boundary], minlength=n)
        hits = np.bincount(self.pair[self.on_boundary & (distance <= tolerance)], minlength=n)
        largest = np.zeros(n)
        np.maximum.at(largest, self.pair[self.outside_partner], distance[self.outside_partner])
        return np.divide(hits, total, out=np.full(n, np.nan), where=total > 0), largest


def boundary_mask(labels: ArrayLike) -> NDArray[np.bool_]:
    """Return a mask of all boundary pixels of objects.

    A boundary pixel shares an edge (in 3-D a face) with a pixel that does not belong to the same object.

    Args:
        labels: any shape and integer dtype, 0 is background. A torch tensor on an accelerator is copied to
            the host.

    Raises TypeError if the labels are not integers.
    """
    image = as_labels(labels, "labels")
    mask = np.zeros(image.shape, np.bool_)
    for axis in range(image.ndim):
        boundary = np.moveaxis(mask, axis, 0)
        values = np.moveaxis(image, axis, 0)
        changes = values[1:] != values[:-1]
        boundary[1:] |= changes
        boundary[:-1] |= changes
    return mask & (image != 0)


def _boundary_f(
    true_points: NDArray[np.float64], pred_points: NDArray[np.float64], tolerance: float
) -> tuple[float, float, float]:
    """Return precision, recall and F of two sets of boundary pixels."""
    precision = _share_of_true(_distances(pred_points, true_points) <= tolerance)
    recall = _share_of_true(_distances(true_points, pred_points) <= tolerance)
    return precision, recall, ratio(2 * precision * recall, precision + recall)


def _share_of_true(values: NDArray[np.bool_]) -> float:
    return ratio(int(np.count_nonzero(values)), len(values))


def _distances(points: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance of each point from the nearest target; infinite if there is no target."""
    from scipy.spatial import KDTree

    if not len(points) or not len(targets):
        return np.full(len(points), np.inf)
    return KDTree(targets, balanced_tree=False, compact_nodes=False).query(points)[0]


def _check_spacing(spacing: float | Sequence[float], n_dim: int) -> NDArray[np.float64]:
    """Return the spacing as one number per axis. Raises ValueError if it is out of range."""
    try:
        sides = np.broadcast_to(np.asarray(spacing, np.float64), (n_dim,))
    except (TypeError, ValueError):
        sides = np.zeros(1)
    if not ((sides > 0) & np.isfinite(sides)).all():
        raise ValueError(
            f"spacing: expected a positive number, or one for each of {n_dim} axes, found {spacing!r}"
        )
    return sides
