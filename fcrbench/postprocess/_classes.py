"""The most likely class of every pixel, its doubt, and its margin over the background."""

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels import argmax as argmax_kernel
from fcrbench.kernels import contacts as contacts_kernel
from fcrbench.kernels import margins as margins_kernel
from fcrbench.kernels._arrays import writable

MAX_CLASSES = 256  # a class map is uint8


def flat_planes(planes: NDArray) -> NDArray:
    """Return scores (K, H, W) as the kernels take them, (K, N) float32 or float64."""
    # Two dtypes, so that two versions of a kernel are compiled. float32 represents every float16 exactly.
    dtype = np.float32 if planes.dtype.itemsize <= 4 else np.float64
    return writable(np.ascontiguousarray(planes, dtype).reshape(len(planes), -1))


def class_map(flat: NDArray, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the class of the largest score of every pixel. Raises ValueError for NaN or too many classes."""
    if len(flat) > MAX_CLASSES:
        raise ValueError(f"scores: expected at most {MAX_CLASSES} classes, found {len(flat)}")
    classes = np.empty(shape, np.uint8)
    if not argmax_kernel.argmax_planes(flat, classes.reshape(-1)):
        n_nan = int(np.isnan(flat).any(axis=0).sum())
        raise ValueError(f"scores: expected numbers, found NaN in {n_nan} of {classes.size} pixels")
    return classes


def doubt_map(flat: NDArray, shape: tuple[int, ...], background: int) -> NDArray[np.uint8]:
    """Return the doubt of every pixel; see `kernels.contacts.compute_doubts`."""
    doubt = np.empty(shape, np.uint8)
    contacts_kernel.compute_doubts(flat, background, doubt.reshape(-1))
    return doubt


def margin_map(flat: NDArray, classes: NDArray[np.uint8], background: int) -> NDArray[np.uint8]:
    """Return the margin of every pixel; see `kernels.margins.compute_margins`."""
    margin = np.empty(classes.shape, np.uint8)
    margins_kernel.compute_margins(flat, classes.reshape(-1), background, margin.reshape(-1))
    return margin


def most_frequent_class(classes: NDArray[np.uint8], n_classes: int) -> int:
    """Return the class of most pixels, the lowest one on a tie."""
    counts = np.empty(n_classes, np.int64)
    argmax_kernel.count_classes(classes.reshape(-1), counts)
    return int(counts.argmax())
