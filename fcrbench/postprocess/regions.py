"""Clean-up of label images: fragments, small objects, holes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.labels import to_numpy
from fcrbench.postprocess._devices import to_device_of
from fcrbench.postprocess._runs import Runs, as_image, check_contact
from fcrbench.postprocess.rules import ObjectFilter


def join_fragments(labels: ArrayLike, contact: float) -> NDArray[np.int32]:
    """Join an object to a larger one if at least the share `contact` of its edge lies on that one.

    The edge of an object consists of the sides of its pixels that face another object or the background;
    sides on the border of the image do not count. Each half of a disk has 0.39 of its edge on the other half;
    for two disks that touch, the share is much lower. Among equally large objects, the one that comes first
    in raster order counts as larger. If several larger objects share enough of the edge, the object joins the
    one that shares most, on a tie the one that comes first. All decisions are made on the given labels. A
    fragment of a fragment joins the object that the latter joins.

    Args:
        labels: (H, W), any integer dtype, 0 is background; ids may have gaps.
        contact: share of the edge, 0 < contact <= 1.

    Returns:
        (H, W) int32; the objects are renumbered 1..n in raster order of first pixel.

    Raises:
        TypeError: labels are not integers.
        ValueError: labels are not 2-D or hold a negative id, or contact is out of range.

    A torch tensor on an accelerator is copied to the host, and the result is a tensor on its device.
    """
    check_contact(contact)
    runs = _object_runs(labels)
    if runs is None:
        return to_device_of(np.zeros(np.shape(labels), np.int32), labels)
    runs.reassign(runs.find_contacts().owners_by_contact(contact))
    return to_device_of(runs.paint(), labels)


def remove_small(
    labels: ArrayLike,
    min_size: int,
    border_size: int = 0,
    min_margin: float = 0.0,
    sure_size: int = 100,
    *,
    margin: ArrayLike | None = None,
) -> NDArray[np.int32]:
    """Drop objects that are too small or, with `min_margin`, too uncertain.

    An object is all pixels of one id, connected or not. The rules are those of `postprocess.instances`, for
    label images from other sources.

    Args:
        labels: (H, W), any integer dtype, 0 is background; ids may have gaps.
        min_size: objects of fewer pixels are dropped.
        border_size: objects that touch the border of the image are dropped if they have fewer pixels.
        min_margin: objects of fewer pixels than `sure_size` are dropped if their margin, in the mean over
            their pixels, is lower; 0 turns the rule off.
        sure_size: in pixels; see `min_margin`.
        margin: (H, W) uint8, the margin of each pixel in sixteenths, at most 255; see `postprocess.margin`.
            It is needed with `min_margin` only.

    Returns:
        (H, W) int32; the remaining objects are renumbered 1..n in raster order of first pixel.

    Raises:
        TypeError: labels are not integers.
        ValueError: labels are not 2-D or hold a negative id; a size or min_margin is negative; margin is
            needed but missing, or is not uint8 of the shape of labels.

    A torch tensor on an accelerator is copied to the host, and the result is a tensor on its device.
    """
    object_filter = ObjectFilter(min_size, border_size, min_margin, sure_size)
    shape = tuple(np.shape(labels))
    margins = None if margin is None else to_numpy(margin, "margin")
    if min_margin and margins is None:
        raise ValueError(f"margin: expected (H, W) uint8 beside a min_margin of {min_margin}, found None")
    if margins is not None and (margins.dtype != np.uint8 or margins.shape != shape):
        raise ValueError(f"margin: expected uint8 {shape}, found {margins.dtype} {margins.shape}")
    runs = _object_runs(labels)
    if runs is None:
        return to_device_of(np.zeros(shape, np.int32), labels)
    sums = runs.sum_values(np.ascontiguousarray(margins)) if margins is not None and min_margin else None
    runs.keep_only(object_filter.keeps(runs.sizes(), runs.touches_border(), sums))
    return to_device_of(runs.paint(), labels)


def fill_holes(labels: ArrayLike) -> NDArray[np.int32]:
    """Fill the holes of objects, that is, 4-connected background regions enclosed by exactly one object.

    Background between two objects or at the border of the image stays background.

    Args:
        labels: (H, W), any integer dtype, 0 is background; ids may have gaps.

    Returns:
        (H, W) int32; the objects are renumbered 1..n in raster order of first pixel.

    Raises:
        TypeError: labels are not integers.
        ValueError: labels are not 2-D or hold a negative id.

    A torch tensor on an accelerator is copied to the host, and the result is a tensor on its device.
    """
    runs = _object_runs(labels)
    if runs is None:
        return to_device_of(np.zeros(np.shape(labels), np.int32), labels)
    runs.fill_holes()
    return to_device_of(runs.paint(), labels)


def _object_runs(labels: ArrayLike) -> Runs | None:
    """Return runs whose objects are the ids of a label image; None for an image without pixels."""
    image = as_image(labels, "labels")
    if image.size == 0:
        return None
    return Runs.from_labels(image, "labels")
