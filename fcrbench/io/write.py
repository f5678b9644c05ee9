"""Writing label images and pictures, whole or not at all."""

import os

import numpy as np

from fcrbench.work.atomic import atomic_path, write_bytes


def write_labels(path: str | os.PathLike[str], labels: np.ndarray) -> None:
    """Write (H, W) labels as a compressed TIFF in the smaller of uint16 and uint32 that holds every id.

    Raises TypeError for labels that are not integers, ValueError for another shape, a negative id or one
    above 2**32 - 1, FcrbenchError when the disk refuses. `path` is then as it was before.
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
        # Without metadata=None tifffile writes a shape description that some readers take for a stack.
        tifffile.imwrite(temporary, labels.astype(dtype), compression="zlib", metadata=None)


def write_png(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Write a (H, W) gray or (H, W, 3) RGB picture of dtype uint8 or uint16 as PNG.

    Raises TypeError or ValueError for another dtype or shape, FcrbenchError when the disk refuses. `path`
    is then as it was before.
    """
    image = np.ascontiguousarray(image)
    if image.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"the image is {image.dtype}, expected uint8 or uint16")
    if image.size == 0 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise ValueError(f"the image has shape {image.shape}, expected (H, W) or (H, W, 3)")
    import imagecodecs

    write_bytes(path, bytes(imagecodecs.png_encode(image)))
