"""Reads the formats of microscopes (CZI, ND2, LIF, ..) with bioio and its plug-ins, the extra "bio"."""

import importlib.util
import math
import os
from pathlib import Path
from typing import Any

from fcrbench.errors import DataError
from fcrbench.io.reordered import Reordered
from fcrbench.io.stack import RGB, Stack

# Suffixes and the plug-in of bioio that reads them. Those in the extra "bio" come first.
IN_EXTRA = {".czi": "bioio-czi", ".nd2": "bioio-nd2", ".lif": "bioio-lif"}
PLUGINS = {
    **IN_EXTRA,
    ".dv": "bioio-dv",
    ".r3d": "bioio-dv",
    ".sld": "bioio-sldy",
    ".sldy": "bioio-sldy",
    **dict.fromkeys(
        (
            ".oib", ".oif", ".oir", ".vsi", ".ims", ".zvi", ".lof", ".xlef", ".stk", ".scn", ".vms",
            ".flex", ".mvd2", ".ipw", ".dm3", ".dm4", ".ics", ".ids", ".nd", ".svs", ".ndpi", ".mrxs", ".bif",
        ),
        "bioio-bioformats",
    ),
}  # fmt: skip
_SLIDES = (".svs", ".ndpi", ".mrxs", ".bif", ".scn", ".vms")


def is_bio(path: str | os.PathLike[str]) -> bool:
    """Return whether the suffix is one of a format of microscopes."""
    return Path(path).suffix.lower() in PLUGINS


def is_installed(suffix: str) -> bool:
    """Return whether bioio and its plug-in for a suffix of `PLUGINS` are there."""
    modules = ("bioio", PLUGINS[suffix].replace("-", "_"))
    return all(importlib.util.find_spec(name) is not None for name in modules)


def explain_install(suffix: str) -> str:
    """Say what a file with a suffix of `PLUGINS` is, and what to install to read it."""
    if suffix in _SLIDES:
        return f"a slide scan ({suffix[1:].upper()}), which is not supported; export it as OME-TIFF"
    plugin = "" if suffix in IN_EXTRA else f" {PLUGINS[suffix]}"
    return f'a file of a microscope ({suffix[1:].upper()}), which needs: pip install "fcrbench[bio]"{plugin}'


def open_bio(path: str | os.PathLike[str]) -> Stack:
    """Open a file with bioio; pixels are read by slices.

    Raises DataError naming the file if bioio or the plug-in is not installed, the file cannot be read, or it
    holds several images ("scenes").
    """
    suffix = Path(path).suffix.lower()
    if not is_installed(suffix):
        raise DataError(f"{path}: {explain_install(suffix)}")
    return _open(path)


def _open(path: str | os.PathLike[str]) -> Stack:
    from bioio import BioImage

    if not Path(path).exists():
        raise DataError(f"{path}: no such file")
    try:
        image = BioImage(os.fspath(path))
        scenes = image.scenes
        if len(scenes) > 1:
            names = ", ".join(scenes[:5]) + (", .." if len(scenes) > 5 else "")
            raise DataError(f"{path}: {len(scenes)} images (scenes) in one file, expected one: {names}")
        return _make_stack(image)
    except DataError:
        raise
    # Readers raise many types of errors.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path}: cannot be read, truncated or damaged ({reason[:120]})") from error


def _make_stack(image: Any) -> Stack:
    array = image.xarray_dask_data
    axes = "".join(str(name) for name in array.dims)
    order = sorted(range(len(axes)), key=lambda k: "SYX".find(axes[k]))  # the colours come last there
    pixels = Reordered(array.data, order)
    axes = "".join(axes[k] for k in order)
    names = tuple(str(name) for name in image.channel_names or ())
    if "S" in axes and pixels.shape[axes.index("S")] > 1:
        names = RGB if pixels.shape[axes.index("S")] == len(RGB) else ()
    sizes = image.physical_pixel_sizes
    sides = (sizes.Y, sizes.X)
    known = all(side is not None and math.isfinite(side) and side > 0 for side in sides)
    return Stack(pixels, axes, names, sides if known else None)
