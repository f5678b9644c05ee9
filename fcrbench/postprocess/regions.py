"""Clean-up of label images: fragments, small objects, holes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.labels import to_numpy
from fcrbench.postprocess._places import placed
from fcrbench.postprocess._runs import Runs, as_image, check_contact
from fcrbench.postprocess.rules import ObjectFilter


def join_fragments(labels: ArrayLike, contact: float) -> NDArray[np.int32]:
    """Give objects that lie against a larger one, with `contact` of their edge or more, to that one.

    The edge of an object are the sides of its pixels that face another object or background, not those on
    the edge of the image. Of two halves of a disk each has 0.39 of its edge on the other, of two disks that
    touch much less. Of equally large objects the one that comes first in raster order counts as larger; of
    several that take enough of the edge the one that takes most gets the object, then the one that comes
    first. All is decided on the labels as given, and a fragment of a fragment goes where that one goes.

    Args:
        labels: (H, W), any integer dtype, 0 is background; ids may have gaps.
        contact: share of the edge, 0 < contact <= 1.

    Returns:
        (H, W) int32; the objects renumbered 1..n in raster order of first pixel.

    Raises:
        TypeError: labels are not integers.
        ValueError: labels are not 2-D or hold a negative id, or contact is out of range.

    A torch tensor on an accelerator is copied to the host and gives a tensor where it is.
    """
    check_contact(contact)
    runs = _object_runs(labels)
    if runs is None:
        return placed(np.zeros(np.shape(labels), np.int32), labels)
    runs.give(runs.contacts().pieces_by_contact(contact))
    return placed(runs.paint(), labels)


def remove_small(
    labels: ArrayLike,
    min_size: int,
    border_size: int = 0,
    min_margin: float = 0.0,
    sure_size: int = 100,
    *,
    margin: ArrayLike | None = None,
) -> NDArray[np.int32]:
    """Turn objects (all pixels of one id, connected or not) that are too small into background.

    The rules are those of `postprocess.instances`, for label images that come from elsewhere.

    Args:
        labels: (H, W), any integer dtype, 0 is background; ids may have gaps.
        min_size: objects of fewer pixels go.
        border_size: those that touch the border of the image go if they have fewer pixels.
        min_margin: those of fewer pixels than sure_size go whose margin is less in the mean over their
            pixels; 0, none do.
        sure_size: see min_margin; in pixels.
        margin: (H, W) uint8, how sure each pixel is of being an object, in sixteenths (of a logit, say), at
            most 255; needed with min_margin, see `postprocess.margin`.

    Returns:
        (H, W) int32; the remaining objects renumbered 1..n in raster order of first pixel.

    Raises:
        TypeError: labels are not integers.
        ValueError: labels are not 2-D or hold a negative id, a size or min_margin is negative, or margin is
            missing where it is needed, or not uint8 of the shape of labels.

    A torch tensor on an accelerator is copied to the host and gives a tensor where it is.
    """
    kept = ObjectFilter(min_size, border_size, min_margin, sure_size)
    shape = tuple(np.shape(labels))
    margins = None if margin is None else to_numpy(margin, "margin")
    if min_margin and margins is None:
        raise ValueError(f"margin: expected (H, W) uint8 beside a min_margin of {min_margin}, found None")
    if margins is not None and (margins.dtype != np.uint8 or margins.shape != shape):
        raise ValueError(f"margin: expected uint8 {shape}, found {margins.dtype} {margins.shape}")
    runs = _object_runs(labels)
    if runs is None:
        return placed(np.zeros(shape, np.int32), labels)
    sums = runs.sums(np.ascontiguousarray(margins)) if margins is not None and min_margin else None
    runs.drop(kept.keeps(runs.sizes(), runs.on_border(), sums))
    return placed(runs.paint(), labels)


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

    A torch tensor on an accelerator is copied to the host and gives a tensor where it is.
    """
    runs = _object_runs(labels)
    if runs is None:
        return placed(np.zeros(np.shape(labels), np.int32), labels)
    runs.fill_holes()
    return placed(runs.paint(), labels)


def _object_runs(labels: ArrayLike) -> Runs | None:
    """Runs whose objects are the ids of a label image; None for an image without pixels."""
    image = as_image(labels, "labels")
    if image.size == 0:
        return None
    return Runs.of_objects(image, "labels")
