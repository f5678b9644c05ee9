"""Reads the metadata of OME-Zarr images and Zarr arrays: axes, names of channels, pixel size."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fcrbench.io.stack import PAGES
from fcrbench.io.units import to_micrometres

_EARLY_AXES = "TCZYX"  # of versions 0.1 and 0.2, which do not name them


def first_entry(value: object) -> dict[str, Any]:
    found = value[0] if isinstance(value, list) and value else {}
    return found if isinstance(found, dict) else {}


def image_axes(multiscale: Mapping[str, Any], ndim: int) -> str:
    """Return one letter per axis: of versions 0.4 and 0.5 dictionaries, of 0.3 strings, before none."""
    listed = multiscale.get("axes")
    if not isinstance(listed, list) or not listed:
        return _EARLY_AXES if ndim == len(_EARLY_AXES) else _guess_axes(ndim)
    return _name_axes(
        [(axis.get("name"), axis.get("type")) if isinstance(axis, dict) else (axis, None) for axis in listed]
    )


def array_axes(array: Any, attributes: Mapping[str, Any]) -> str:
    """Return the axes of an array: the dimension names of Zarr 3, or those of xarray."""
    names = getattr(array.metadata, "dimension_names", None) or attributes.get("_ARRAY_DIMENSIONS")
    if not isinstance(names, (list, tuple)) or len(names) != array.ndim:
        return _guess_axes(array.ndim)
    axes = _name_axes([(name, None) for name in names])
    return axes if {"Y", "X"} <= set(axes) else _guess_axes(array.ndim)


def _guess_axes(ndim: int) -> str:
    """The last two axes are rows and columns; of others nothing is known."""
    return (PAGES * (ndim - 2) + "YX")[-ndim:] if ndim else ""


def _name_axes(named: Sequence[tuple[object, object]]) -> str:
    kinds = {"channel": "C", "time": "T"}
    letters = []
    for name, kind in named:
        letter = kinds.get(str(kind), str(name)[:1].upper())
        letters.append(letter if letter in "TCZYX" and letter not in letters else PAGES)
    return "".join(letters)


def channel_names(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    omero = attributes.get("omero")
    channels = omero.get("channels") if isinstance(omero, dict) else None
    if not isinstance(channels, list):
        return ()
    names = tuple(c.get("label") if isinstance(c, dict) else None for c in channels)
    return tuple(map(str, names)) if all(names) else ()


def pixel_size(multiscale: Mapping[str, Any], axes: str) -> tuple[float, float] | None:
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
