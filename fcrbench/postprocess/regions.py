"""Clean-up of label images: small objects, holes."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.postprocess._runs import Runs, as_image, check_min_size


def remove_small(labels: ArrayLike, min_size: int) -> NDArray[np.int32]:
    """Turn every object (all pixels of one id, connected or not) of fewer than min_size pixels into
    background.

    Args:
        labels: (H, W), any integer dtype, 0 is background; ids may have gaps.
        min_size: in pixels.

    Returns:
        (H, W) int32; the remaining objects renumbered 1..n in raster order of first pixel.

    Raises:
        TypeError: labels are not integers.
        ValueError: labels are not 2-D or hold a negative id, or min_size is negative.
    """
    check_min_size(min_size)
    runs = _object_runs(labels)
    if runs is None:
        return np.zeros(np.shape(labels), np.int32)
    runs.drop_small(min_size)
    return runs.paint()


def fill_holes(labels: ArrayLike) -> NDArray[np.int32]:
    """Fill the holes of objects: 4-connected background regions enclosed by exactly one object.

    Background between two objects, or open to the edge of the image, stays background.

    Args:
        labels: (H, W), any integer dtype, 0 is background; ids may have gaps.

    Returns:
        (H, W) int32; the objects renumbered 1..n in raster order of first pixel.

    Raises:
        TypeError: labels are not integers.
        ValueError: labels are not 2-D or hold a negative id.
    """
    runs = _object_runs(labels)
    if runs is None:
        return np.zeros(np.shape(labels), np.int32)
    runs.fill_holes()
    return runs.paint()


def _object_runs(labels: ArrayLike) -> Runs | None:
    """Runs whose objects are the ids of a label image; None for an image without pixels."""
    image = as_image(labels, "labels")
    if image.size == 0:
        return None
    return Runs.of_objects(image, "labels")
