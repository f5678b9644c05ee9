"""The training targets of DCAN: maps of objects and of their contours."""

import numpy as np

from fcrbench_baselines.dcan.kernels import mark_contours


def object_and_contour(labels: np.ndarray, radius: int) -> np.ndarray:
    """Return the class of every pixel for both tasks, (B, 2, H, W) int64: 1 = object, 1 = contour.

    labels  (B, H, W) int32, 0 = background
    radius  radius of the disk by which rims are dilated, pixels. The rim of an object consists of its pixels
            with a 4-neighbour of another label or the background; the edge of the image is not a rim.
    """
    maps = np.zeros((len(labels), 2, *labels.shape[1:]), np.int64)
    half_widths = disk(radius)
    for image, (objects, contours) in zip(labels, maps, strict=True):
        objects[:] = image > 0
        mark_contours(image, half_widths, contours)
    return maps


def disk(radius: int) -> np.ndarray:
    """Return the half width of each row of a disk, (2 radius + 1,) int64."""
    rows = np.arange(-radius, radius + 1)
    return np.floor(np.sqrt(radius**2 - rows**2) + 1e-9).astype(np.int64)
