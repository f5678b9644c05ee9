"""Recognises Zarr folders by their content."""

import os
from pathlib import Path

_MARKS = ("zarr.json", ".zattrs", ".zgroup", ".zarray")  # of Zarr 3; of Zarr 2


def is_zarr(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a folder that holds a Zarr array or group, whatever its name."""
    return any((Path(path) / mark).exists() for mark in _MARKS)
