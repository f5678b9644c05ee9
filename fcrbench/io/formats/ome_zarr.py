"""Opens OME-Zarr images (0.1 to 0.5) and plain Zarr arrays, which are read by slices."""

import logging
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fcrbench.errors import DataError, FcrbenchError
from fcrbench.io.memory_claim import check_memory_claim
from fcrbench.io.reordered import Reordered
from fcrbench.io.stack import Stack
from fcrbench.io.units import to_micrometres
from fcrbench.io.zarr_folder import images_inside, is_zarr

_EARLY_AXES = "TCZYX"  # of versions 0.1 and 0.2, which do not name them
_UNNAMED = "Q"
_LABELS = "labels"  # the group with the label images of an image
_METADATA = ("zarr.json", ".zarray", ".zattrs", ".zgroup", ".zmetadata")
_MAX_LISTED = 5
log = logging.getLogger(__name__)


def import_zarr() -> Any:
    try:
        import zarr
    except ModuleNotFoundError as error:
        raise FcrbenchError('Zarr and large images need zarr: pip install "fcrbench[zarr]"') from error
    return zarr


def open_zarr(path: Path, *, indexed: bool) -> Stack:
    """Return the full resolution of an OME-Zarr image, or a Zarr array, to be read by slices.

    indexed  a label image is expected; an image that has label images beside it is then refused

    Raises DataError naming the path if it is neither, or claims more pixels than it can contain.
    """
    node, array, attributes = _find_array(path)
    if array is node:
        return _make_stack(array, _array_axes(array, attributes), path)
    multiscale = _first(attributes.get("multiscales"))
    if indexed:
        _check_is_labels(node, attributes, path)
    else:
        _warn_if_nothing_is_stored(path / multiscale["datasets"][0]["path"], path)
    axes = _image_axes(multiscale, array.ndim)
    if len(axes) != array.ndim:
        raise DataError(f"{path}: {len(axes)} axes ({axes}) for an array of shape {tuple(array.shape)}")
    return _make_stack(array, axes, path, _channel_names(attributes), _pixel_size(multiscale, axes))


def count_pixels(path: Path) -> int:
    """Return the number of pixels of the full resolution. Raise DataError like `open_zarr`."""
    return math.prod(_find_array(path)[1].shape)


def _find_array(path: Path) -> tuple[Any, Any, Mapping[str, Any]]:
    """Return a Zarr array or group, the array of its full resolution, and its attributes."""
    node, attributes = _open_node(path)
    array_type = import_zarr().Array
    if isinstance(node, array_type):
        return node, node, attributes
    multiscale = _first(attributes.get("multiscales"))
    if not multiscale:
        raise DataError(f"{path}: {_describe_group(node, attributes, path)}")
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


def find_label_groups(node: Any) -> list[str]:
    """Return the names of the label images of an image."""
    try:
        group = node[_LABELS]
        attributes = group.attrs.asdict()
        listed = attributes.get("ome", attributes).get(_LABELS)
        return [name for name in listed if isinstance(name, str)] if listed else sorted(group.group_keys())
    except Exception:  # no such group, or a damaged one
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
    """Refuse chunks that claim more memory than the folder justifies."""
    claimed = math.prod(array.shards or array.chunks) * np.dtype(array.dtype).itemsize
    try:
        check_memory_claim(claimed, claimed, 0)
    except ValueError:
        stored = sum(entry.stat().st_size for entry in path.rglob("*") if entry.is_file())
        try:
            check_memory_claim(claimed, claimed, stored)
        except ValueError as error:
            raise DataError(f"{path}: chunks of {claimed:,} bytes in a folder of {stored:,} bytes") from error


def _first(value: object) -> dict[str, Any]:
    found = value[0] if isinstance(value, list) and value else {}
    return found if isinstance(found, dict) else {}


def _image_axes(multiscale: Mapping[str, Any], ndim: int) -> str:
    """Return one letter per axis: of versions 0.4 and 0.5 dictionaries, of 0.3 strings, before none."""
    listed = multiscale.get("axes")
    if not isinstance(listed, list) or not listed:
        return _EARLY_AXES if ndim == len(_EARLY_AXES) else _guess_axes(ndim)
    return _name_axes(
        [(axis.get("name"), axis.get("type")) if isinstance(axis, dict) else (axis, None) for axis in listed]
    )


def _array_axes(array: Any, attributes: Mapping[str, Any]) -> str:
    """Return the axes of an array: the dimension names of Zarr 3, or those of xarray."""
    names = getattr(array.metadata, "dimension_names", None) or attributes.get("_ARRAY_DIMENSIONS")
    if not isinstance(names, (list, tuple)) or len(names) != array.ndim:
        return _guess_axes(array.ndim)
    axes = _name_axes([(name, None) for name in names])
    return axes if {"Y", "X"} <= set(axes) else _guess_axes(array.ndim)


def _guess_axes(ndim: int) -> str:
    """The last two axes are rows and columns; of others nothing is known."""
    return (_UNNAMED * (ndim - 2) + "YX")[-ndim:] if ndim else ""


def _name_axes(named: Sequence[tuple[object, object]]) -> str:
    kinds = {"channel": "C", "time": "T"}
    letters = []
    for name, kind in named:
        letter = kinds.get(str(kind), str(name)[:1].upper())
        letters.append(letter if letter in "TCZYX" and letter not in letters else _UNNAMED)
    return "".join(letters)


def _channel_names(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    omero = attributes.get("omero")
    channels = omero.get("channels") if isinstance(omero, dict) else None
    if not isinstance(channels, list):
        return ()
    names = tuple(c.get("label") if isinstance(c, dict) else None for c in channels)
    return tuple(map(str, names)) if all(names) else ()


def _pixel_size(multiscale: Mapping[str, Any], axes: str) -> tuple[float, float] | None:
    """Return height and width of a pixel in micrometres, or None if the metadata do not say."""
    try:
        scales = [
            transform["scale"]
            for source in (multiscale["datasets"][0], multiscale)
            for transform in source.get("coordinateTransformations", [])
            if transform["type"] == "scale"
        ]
        sides = []
        for axis in "YX":
            k = axes.index(axis)
            side = to_micrometres(
                math.prod(float(scale[k]) for scale in scales), multiscale["axes"][k]["unit"]
            )
            if not scales or side is None or not (math.isfinite(side) and side > 0):
                return None
            sides.append(side)
        return sides[0], sides[1]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return None


def _check_is_labels(node: Any, attributes: Mapping[str, Any], path: Path) -> None:
    """Refuse an image that has label images beside it. Warn if only its metadata are those of an image."""
    parent = path.resolve().parent
    if "image-label" in attributes or (parent.name == _LABELS and is_zarr(parent)):
        return
    groups = find_label_groups(node)
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


def _describe_group(node: Any, attributes: Mapping[str, Any], path: Path) -> str:
    """Say what a Zarr group is that holds no image of its own."""
    groups = find_label_groups(node)
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
