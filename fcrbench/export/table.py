"""Measures objects, with the column names of regionprops_table in scikit-image."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.export.objects import object_runs
from fcrbench.kernels import properties as kernel
from fcrbench.labels import to_numpy

if TYPE_CHECKING:
    import pandas as pd

_BORDER_WEIGHTS = np.array([0, 1, math.sqrt(2), (1 + math.sqrt(2)) / 2])
_NO_DIRECTION = -math.pi / 4
_ROUND = 1e-9  # a smaller difference of the two second moments, relative to their mean, may be rounding
_BOX = ("bbox-0", "bbox-1", "bbox-2", "bbox-3")


def measure(
    labels: ArrayLike,
    image: ArrayLike | None = None,
    pixel_size: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Return a table with one row per object of a label image, by ascending id.

    Args:
        labels: (H, W), any integer dtype, 0 = background.
        image: (H, W) intensities, any real dtype.
        pixel_size: height and width of a pixel in micrometres.

    Columns, in pixels where they have a unit:
        label, area; centroid-0 and centroid-1, the mean y and x of the centres of the pixels; bbox-0 ..
        bbox-3, the first y and x and the last y and x plus 1;
        axis_major_length, axis_minor_length, eccentricity, orientation (radians from the y axis,
        counterclockwise) of the ellipse with the same second moments. A circle has no direction; its
        orientation is -pi / 4, as in scikit-image, and its eccentricity is 0;
        perimeter, as defined by Benkrid & Crookes (1999);
        with a pixel size: area_um2, the area in square micrometres;
        with an image: intensity_mean, intensity_min, intensity_max.

    Raises TypeError for labels that are not integers, ValueError for another shape, a negative id, an image
    of another shape, or a pixel size that is not positive.
    """
    if pixel_size is not None and not all(math.isfinite(side) and side > 0 for side in pixel_size):
        raise ValueError(f"pixel_size: expected a positive height and width, found {pixel_size}")
    import pandas as pd

    objects = object_runs(labels)
    index = objects.paint()
    n = len(objects.ids)
    sums, boxes = np.zeros((n + 1, 8), np.int64), np.zeros((n + 1, 4), np.int64)
    kernel.sum_moments(index, sums, boxes)
    area, columns = sums[1:, 2], {}
    columns["label"], columns["area"] = objects.ids, area
    shift = sums[1:, 3:5] / area[:, None]
    centre = sums[1:, :2] + shift
    columns["centroid-0"], columns["centroid-1"] = centre.T
    columns |= dict(zip(_BOX, boxes[1:].T, strict=True))
    columns |= _ellipse(sums[1:], shift)
    border = np.zeros((index.shape[0] + 2, index.shape[1] + 2), np.int32)
    kernel.mark_border(index, border)
    weights = np.zeros((n + 1, 4), np.int64)
    kernel.count_border_weights(border, weights)
    columns["perimeter"] = weights[1:] @ _BORDER_WEIGHTS
    if pixel_size is not None:
        columns["area_um2"] = area * (pixel_size[0] * pixel_size[1])
    if image is not None:
        columns |= _intensities(index, n, to_numpy(image, "image"), area)
    return pd.DataFrame(columns)


def _ellipse(sums: NDArray[np.int64], shift: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Compute the axes from the second central moments, by the eigenvalues of the 2 x 2 inertia tensor."""
    area = sums[:, 2]
    yy, xx, yx = (sums[:, 5:8] / area[:, None] - shift[:, [0, 1, 0]] * shift[:, [0, 1, 1]]).T
    middle, spread = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
    major, minor = middle + spread, np.maximum(middle - spread, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        eccentricity = np.where(major > 0, np.sqrt(np.maximum(1 - minor / major, 0)), 0.0)
    return {
        "axis_major_length": 4 * np.sqrt(major),
        "axis_minor_length": 4 * np.sqrt(minor),
        "eccentricity": eccentricity,
        "orientation": _orientation(sums, np.arctan2(2 * yx, yy - xx) / 2, spread <= _ROUND * middle),
    }


def _orientation(
    sums: NDArray[np.int64], orientation: NDArray[np.float64], nearly_round: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Recompute the orientation of nearly round objects in integers, to avoid rounding errors."""
    for k in np.flatnonzero(nearly_round).tolist():
        n, y, x, yy, xx, yx = sums[k, 2:].tolist()  # Python's integers do not overflow
        across, along = 2 * (n * yx - y * x), n * (yy - xx) - (y * y - x * x)
        orientation[k] = math.atan2(across, along) / 2 if across or along else _NO_DIRECTION
    return orientation


def _intensities(index: NDArray, n: int, image: NDArray, area: NDArray) -> dict[str, NDArray[np.float64]]:
    if image.shape != index.shape:
        raise ValueError(f"image: expected the labels' shape {index.shape}, found {image.shape}")
    if image.dtype.kind not in "iufb":
        raise TypeError(f"image: expected real numbers, found {image.dtype}")
    total, low, high = np.zeros(n + 1), np.full(n + 1, np.inf), np.full(n + 1, -np.inf)
    kernel.sum_intensities(index, np.ascontiguousarray(image, np.float64), total, low, high)
    return {"intensity_mean": total[1:] / area, "intensity_min": low[1:], "intensity_max": high[1:]}
