"""Reads images and label images, with the checks that each of them needs."""

import os

import numpy as np

from fcrbench.errors import DataError
from fcrbench.io.decode import decode

_OPAQUE = {"u": lambda dtype: np.iinfo(dtype).max, "f": lambda dtype: 1.0, "b": lambda dtype: True}


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a gray image from a PNG or TIFF file.

    Returns (H, W) in the dtype of the file with unchanged values (bool becomes uint8 0/1). Colour files and
    files with several pages are converted if all channels are equal. A fully opaque alpha channel is ignored.
    Raises DataError naming the file if it is unreadable, has colours or different pages, or contains a value
    that is not finite.
    """
    array = decode(path)
    if array.ndim == 3:
        array = _gray(array, path)
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind not in "iuf":
        raise DataError(f"{path}: pixels are {array.dtype}, expected integers or real numbers")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int(array.size - np.count_nonzero(np.isfinite(array)))
        raise DataError(f"{path}: {bad} pixels are NaN or infinite, expected finite values")
    return array


def read_labels(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a label image (0 = background, one integer per object) from a PNG or TIFF file.

    Returns (H, W) in the integer dtype of the file with unchanged ids. A bool mask gives uint8 0/1, and a
    palette file gives its indices. Raises DataError naming the file if it is unreadable, has more than one
    channel or page, or contains floating-point or negative values.
    """
    array = decode(path, indexed=True)
    if array.ndim != 2:
        raise DataError(f"{path}: {len(array)} channels or pages, expected a label image with one channel")
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind not in "iu":
        raise DataError(f"{path}: labels are {array.dtype}, expected integers")
    if array.dtype.kind == "i" and int(array.min()) < 0:
        raise DataError(f"{path}: the smallest label is {int(array.min())}, expected none below 0")
    return array


def _gray(channels: np.ndarray, path: str | os.PathLike[str]) -> np.ndarray:
    """Reduce (C, H, W) with equal channels to (H, W)."""
    colours = channels
    if len(channels) in (2, 4):
        opaque = _OPAQUE.get(channels.dtype.kind)
        if opaque is not None and (channels[-1] == opaque(channels.dtype)).all():
            colours = channels[:-1]
    first: np.ndarray = colours[0]
    if not (colours[1:] == first).all():
        raise DataError(
            f"{path}: {len(channels)} channels or pages that differ, expected one gray channel "
            "(a colour file is accepted when red = green = blue)"
        )
    return np.ascontiguousarray(first)
