"""Recognises Zarr images, which are folders."""

import json
import os
from pathlib import Path

_MARKERS = (".zattrs", ".zgroup", ".zarray", "zarr.json")


def is_zarr(path: str | os.PathLike[str]) -> bool:
    """Return whether a folder is a Zarr array or group, by its content. A few stats, nothing is read."""
    return any(Path(path, name).is_file() for name in _MARKERS)


def is_zarr_labels(path: str | os.PathLike[str]) -> bool:
    """Return whether the metadata of a Zarr folder say that it is a label image ("image-label" of OME)."""
    for name in (".zattrs", "zarr.json"):
        try:
            found = json.loads(Path(path, name).read_text(encoding="utf-8"))
            attributes = found.get("attributes", {}) if name == "zarr.json" else found
            if "image-label" in attributes.get("ome", attributes):
                return True
        except (OSError, ValueError, AttributeError, TypeError, RecursionError):
            continue
    return False
