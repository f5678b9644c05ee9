"""Writes label images and pictures atomically."""

import os

import numpy as np

from fcrbench.io.names import LABELS_SOFTWARE
from fcrbench.work.atomic import atomic_path, write_bytes


def write_labels(path: str | os.PathLike[str], labels: np.ndarray) -> None:
    """Write (H, W) labels as a compressed TIFF of uint16, or of uint32 if an id does not fit into uint16.

    Raises TypeError for labels that are not integers, ValueError for another shape or for ids below 0 or
    above 2**32 - 1, and FcrbenchError if the file cannot be written. An existing file is then kept.
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iub":
        raise TypeError(f"labels are {labels.dtype}, expected integers")
    if labels.ndim != 2 or labels.size == 0:
        raise ValueError(f"labels have shape {labels.shape}, expected (H, W)")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high > np.iinfo(np.uint32).max:
        raise ValueError(f"labels span {low} to {high}, expected 0 to 2**32 - 1")
    import tifffile

    dtype = np.uint16 if high <= np.iinfo(np.uint16).max else np.uint32
    with atomic_path(path) as temporary:
        # Without metadata=None tifffile writes a shape description, and some readers then expect a stack.
        tifffile.imwrite(
            temporary, labels.astype(dtype), compression="zlib", metadata=None, software=LABELS_SOFTWARE
        )


def write_png(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Write a (H, W) gray or (H, W, 3) RGB picture of dtype uint8 or uint16 as PNG.

    Raises TypeError or ValueError for another dtype or shape, and FcrbenchError if the file cannot be
    written. An existing file is then kept.
    """
    image = np.ascontiguousarray(image)
    if image.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"the image is {image.dtype}, expected uint8 or uint16")
    if image.size == 0 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise ValueError(f"the image has shape {image.shape}, expected (H, W) or (H, W, 3)")
    import imagecodecs

    write_bytes(path, bytes(imagecodecs.png_encode(image)))
