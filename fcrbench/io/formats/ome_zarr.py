"""Opens OME-Zarr images (0.1 to 0.5) and plain Zarr arrays, which are read by slices."""

import logging
import math
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fcrbench.errors import DataError, FcrbenchError
from fcrbench.io.formats.blosc_guard import guard_blosc
from fcrbench.io.formats.zarr_metadata import (
    array_axes,
    channel_names,
    first_entry,
    image_axes,
    pixel_size,
)
from fcrbench.io.memory_claim import check_memory_claim
from fcrbench.io.reordered import Reordered
from fcrbench.io.stack import Stack
from fcrbench.io.zarr_folder import images_inside, is_zarr, read_attributes

_LABELS = "labels"  # the group with the label images of an image
_METADATA = ("zarr.json", ".zarray", ".zattrs", ".zgroup", ".zmetadata")
_MAX_LISTED = 5
_TINY, _MANY = 1 << 10, 1 << 20  # bytes of a chunk, and a number of such chunks that takes minutes to read
log = logging.getLogger(__name__)


def import_zarr() -> Any:
    try:
        import zarr
    except ModuleNotFoundError as error:
        raise FcrbenchError('Zarr and large images need zarr: pip install "fcrbench[zarr]"') from error
    guard_blosc()
    # Some programs write an empty list of filters; users cannot do anything about it.
    warnings.filterwarnings("ignore", message="Found an empty list of filters")
    return zarr


def open_zarr(path: Path, *, indexed: bool) -> Stack:
    """Return the full resolution of an OME-Zarr image, or a Zarr array, to be read by slices.

    indexed  a label image is expected; an image that has label images beside it is then refused

    Raises DataError naming the path if it is neither, or claims more pixels than it can contain.
    """
    node, array, attributes = _find_array(path)
    if array is node:
        return _make_stack(array, array_axes(array, attributes), path)
    multiscale = first_entry(attributes.get("multiscales"))
    if indexed:
        _check_is_labels(attributes, path)
    else:
        _warn_if_nothing_is_stored(path / multiscale["datasets"][0]["path"], path)
    axes = image_axes(multiscale, array.ndim)
    if len(axes) != array.ndim:
        raise DataError(f"{path}: {len(axes)} axes ({axes}) for an array of shape {tuple(array.shape)}")
    return _make_stack(array, axes, path, channel_names(attributes), pixel_size(multiscale, axes))


def count_pixels(path: Path) -> int:
    """Return the number of pixels of the full resolution. Raise DataError like `open_zarr`."""
    return math.prod(_find_array(path)[1].shape)


def _find_array(path: Path) -> tuple[Any, Any, Mapping[str, Any]]:
    """Return a Zarr array or group, the array of its full resolution, and its attributes."""
    node, attributes = _open_node(path)
    array_type = import_zarr().Array
    if isinstance(node, array_type):
        return node, node, attributes
    multiscale = first_entry(attributes.get("multiscales"))
    if not multiscale:
        raise DataError(f"{path}: {_describe_group(attributes, path)}")
    try:
        array = node[multiscale["datasets"][0]["path"]]
        if not isinstance(array, array_type):
            raise KeyError("no array")
    except Exception as error:
        raise DataError(f"{path}: a Zarr group without an OME-Zarr image ({_reason(error)})") from error
    return node, array, attributes


def _open_node(path: Path) -> tuple[Any, Mapping[str, Any]]:
    """Return a Zarr array or group and its attributes; those of OME if it has them."""
    zarr = import_zarr()
    try:
        node = zarr.open(str(path), mode="r")
        attributes = node.attrs.asdict()
    except Exception as error:  # a file, an empty folder, metadata that is not JSON, ...
        raise DataError(f"{path}: not a Zarr array or group ({_reason(error)})") from error
    ome = attributes.get("ome", attributes)
    return node, ome if isinstance(ome, dict) else {}


def find_label_groups(path: Path) -> list[str]:
    """Return the names of the label images of an image."""
    listed = read_attributes(path / _LABELS).get(_LABELS)
    if isinstance(listed, list) and listed:
        return [name for name in listed if isinstance(name, str)]
    try:
        return sorted(found.name for found in (path / _LABELS).iterdir() if is_zarr(found))
    except OSError:  # no such group
        return []


def _make_stack(
    array: Any,
    axes: str,
    path: Path,
    names: tuple[str, ...] = (),
    pixel_size: tuple[float, float] | None = None,
) -> Stack:
    if {"Y", "X"} - set(axes) or len(axes) < 2:
        raise DataError(
            f"{path}: axes {axes or 'none'} of shape {tuple(array.shape)}, expected rows and columns"
        )
    if 0 in array.shape:
        raise DataError(f"{path}: contains no pixels, shape {tuple(array.shape)}")
    if np.dtype(array.dtype).kind not in "iufb":
        raise DataError(f"{path}: pixels are {array.dtype}, expected numbers")
    _check_chunks(array, path)
    order = sorted(range(len(axes)), key=lambda k: "YX".find(axes[k]))
    if order != list(range(len(axes))):
        array, axes = Reordered(array, order), "".join(axes[k] for k in order)
    return Stack(array, axes, names, pixel_size)


def _check_chunks(array: Any, path: Path) -> None:
    """Refuse chunks that claim more memory than the folder justifies, and a great number of tiny ones."""
    shape = array.shards or array.chunks
    if min(shape) < 1:
        raise DataError(f"{path}: chunks of shape {tuple(shape)}, expected at least one pixel")
    claimed = math.prod(shape) * np.dtype(array.dtype).itemsize
    if claimed < _TINY:
        number = math.prod(-(-n // side) for n, side in zip(array.shape, shape, strict=True))
        if number > _MANY:
            raise DataError(f"{path}: {number:,} chunks of {claimed} bytes, expected larger chunks")
    try:
        check_memory_claim(claimed, claimed, 0)
    except ValueError:
        stored = sum(entry.stat().st_size for entry in path.rglob("*") if entry.is_file())
        try:
            check_memory_claim(claimed, claimed, stored)
        except ValueError as error:
            raise DataError(f"{path}: chunks of {claimed:,} bytes in a folder of {stored:,} bytes") from error


def _check_is_labels(attributes: Mapping[str, Any], path: Path) -> None:
    """Refuse an image that has label images beside it. Warn if only its metadata are those of an image."""
    parent = path.resolve().parent
    if "image-label" in attributes or (parent.name == _LABELS and is_zarr(parent)):
        return
    groups = find_label_groups(path)
    if groups:
        names = ", ".join(f"{_LABELS}/{name}" for name in groups)
        raise DataError(
            f"{path}: an image, expected a label image; label images in it: {names}; "
            f"give {path / _LABELS / groups[0]}"
        )
    if "omero" in attributes:
        log.warning(
            "%s: read as a label image, although its metadata (omero) are those of an image",
            path,
        )


def _describe_group(attributes: Mapping[str, Any], path: Path) -> str:
    """Say what a Zarr group is that holds no image of its own."""
    groups = find_label_groups(path)
    if groups:
        return f"a Zarr group without an OME-Zarr image; label images in it: {', '.join(groups)}"
    listed = attributes.get(_LABELS)
    if isinstance(listed, list):
        names = ", ".join(str(name) for name in listed[:_MAX_LISTED])
        return f"a group of label images, expected one of them: {names}"
    images = [name for name in images_inside(path) if name]
    if images:
        names = ", ".join(images[:_MAX_LISTED]) + (", .." if len(images) > _MAX_LISTED else "")
        return f"a Zarr group of {len(images)} images, expected one of them: {names}"
    return "a Zarr group without an OME-Zarr image"


def _warn_if_nothing_is_stored(folder: Path, path: Path) -> None:
    """Warn if not one chunk is there, as in an incomplete copy. Zarr reads missing chunks as a constant."""
    try:
        with os.scandir(folder) as entries:
            if all(entry.name in _METADATA for entry in entries):
                log.warning("%s: not one chunk of pixels is stored, all pixels are read as empty", path)
    except OSError:
        pass


def _reason(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:120]
