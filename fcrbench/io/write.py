"""Writes label images and pictures atomically."""

import hashlib
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from fcrbench.io.names import LABELS_SOFTWARE
from fcrbench.io.orientation import UPRIGHT, swaps_axes, turn_back
from fcrbench.work.atomic import atomic_path, write_bytes

_OME_SUFFIXES = (".ome.tif", ".ome.tiff", ".ome.btf")
_ORIENTATION = 274  # TIFF tag
_NO_UNIT = 1  # ResolutionUnit; ImageJ names the unit in its description


def write_labels(
    path: str | os.PathLike[str],
    labels: np.ndarray,
    *,
    pixel_size: tuple[float, float] | None = None,
    orientation: int = UPRIGHT,
) -> None:
    """Write (H, W) labels as a compressed TIFF of uint16, or of uint32 if an id does not fit into uint16.

    A path that ends in .ome.tif becomes an OME-TIFF.

    pixel_size   height and width of a pixel in micrometres, written as ImageJ, or as OME, has it
    orientation  of the file in which the labels are to be stored, see `orientation`; `labels` are upright

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
    stored = np.ascontiguousarray(turn_back(labels, orientation), dtype)
    tags = label_tags(path, pixel_size, orientation)
    if tags["metadata"] is not None:  # tifffile would draw a new identifier for each call
        tags["metadata"]["UUID"] = str(UUID(bytes=hashlib.blake2b(stored.data, digest_size=16).digest()))
    with atomic_path(path) as temporary:
        tifffile.imwrite(temporary, stored, compression="zlib", **tags)


def label_tags(
    path: str | os.PathLike[str], pixel_size: tuple[float, float] | None, orientation: int
) -> dict[str, Any]:
    """Return the arguments of tifffile that describe labels: OME or not, pixel size, orientation."""
    tags: dict[str, Any] = {"photometric": "minisblack", "software": LABELS_SOFTWARE}
    if orientation != UPRIGHT:
        tags["extratags"] = [(_ORIENTATION, "H", 1, orientation, True)]
    size = pixel_size[::-1] if pixel_size is not None and swaps_axes(orientation) else pixel_size
    if Path(path).name.lower().endswith(_OME_SUFFIXES):
        metadata: dict[str, Any] = {"axes": "YX"}
        if size is not None:
            metadata |= {"PhysicalSizeY": size[0], "PhysicalSizeX": size[1]}  # the unit is micrometres
        return tags | {"ome": True, "metadata": metadata}
    # Without metadata=None tifffile writes a shape description, and some readers then expect a stack.
    tags["metadata"] = None
    if size is not None:
        resolution = {"resolution": (1 / size[1], 1 / size[0]), "resolutionunit": _NO_UNIT}
        tags |= {"description": "ImageJ=1.54f\nunit=micron\n", **resolution}
    return tags


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
