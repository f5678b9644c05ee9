"""Recognizes Zarr folders by their content, and the images in plates. Only small metadata files are read."""

import json
import os
from pathlib import Path
from typing import Any

_MARKERS = (".zattrs", ".zgroup", ".zarray", "zarr.json")
_ATTRIBUTES = (".zattrs", "zarr.json")  # of Zarr 2 and 3
_CONVERTED = "bioformats2raw.layout"  # a file of several images that bioformats2raw converted


def is_zarr(path: str | os.PathLike[str]) -> bool:
    """Return whether a folder is a Zarr array or group, by its content. A few stats, nothing is read."""
    return any(Path(path, name).is_file() for name in _MARKERS)


def is_zarr_labels(path: str | os.PathLike[str]) -> bool:
    """Return whether the metadata of a Zarr folder say that it is a label image ("image-label" of OME)."""
    return "image-label" in read_attributes(path)


def read_attributes(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the attributes of OME of a Zarr array or group; {} if there are none or they are damaged."""
    for name in _ATTRIBUTES:
        try:
            found = json.loads(Path(path, name).read_text(encoding="utf-8"))
            attributes = found.get("attributes", {}) if name == "zarr.json" else found
            inner = attributes.get("ome", attributes)
            if inner and isinstance(inner, dict):
                return inner
        except (OSError, ValueError, AttributeError, RecursionError):
            continue
    return {}


def images_inside(path: str | os.PathLike[str]) -> list[str]:
    """Return the images of a plate, a well or a converted file of several images, by their paths inside it.

    Returns [""] for a folder that is none of these, but an image itself.
    """
    attributes = read_attributes(path)
    if "multiscales" in attributes:
        return [""]
    if isinstance(plate := attributes.get("plate"), dict):
        wells = _paths(plate.get("wells"))
        return [f"{well}/{inner}" for well in wells for inner in images_inside(Path(path, well)) if inner]
    if isinstance(well := attributes.get("well"), dict):
        return _paths(well.get("images"))
    if _CONVERTED in attributes:
        series = read_attributes(Path(path, "OME")).get("series")
        listed = [{"path": name} for name in series] if isinstance(series, list) else []
        return _paths(listed) or sorted(_numbered_folders(path), key=int)
    return [""]


def _paths(listed: object) -> list[str]:
    """Return the paths in a list of wells or images. They stay inside their group."""
    entries = listed if isinstance(listed, list) else []
    paths = [entry.get("path") for entry in entries if isinstance(entry, dict)]
    return [
        path
        for path in paths
        if isinstance(path, str) and path and not path.startswith("/") and ".." not in path.split("/")
    ]


def _numbered_folders(path: str | os.PathLike[str]) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.name.isdecimal() and is_zarr(entry.path)]
    except OSError:
        return []
