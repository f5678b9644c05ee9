"""Reads the formats of microscopes (CZI, ND2, LIF, ..) with bioio and its plug-ins, the extra "bio"."""

import importlib
import importlib.util
import math
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from fcrbench.errors import DataError, damaged_file
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
_MAX_LISTED = 5  # scenes in a message
_SLIDES = (".svs", ".ndpi", ".mrxs", ".bif", ".scn", ".vms")


def is_bio(path: str | os.PathLike[str]) -> bool:
    """Return whether the suffix is one of a format of microscopes."""
    name = os.fspath(path)  # this is asked of every file: pathlib takes ten times as long
    return name[name.rfind(".") :].lower() in PLUGINS


def is_installed(suffix: str) -> bool:
    """Return whether bioio and its plug-in for a suffix of `PLUGINS` are there."""
    modules = ("bioio", _module_of(suffix))
    return all(importlib.util.find_spec(name) is not None for name in modules)


@cache
def readable_suffixes() -> tuple[str, ...]:
    """Return the suffixes of the files that can be read with the plug-ins that are installed."""
    return tuple(suffix for suffix in PLUGINS if suffix not in _SLIDES and is_installed(suffix))


def explain_install(suffix: str) -> str:
    """Say what a file with a suffix of `PLUGINS` is, and what to install to read it."""
    kind = suffix[1:].upper()
    if suffix in _SLIDES:
        return f"a slide scan ({kind}), which is not supported; export it as OME-TIFF"
    return f"a file of a microscope ({kind}), which needs: {_pip_install([suffix])}"


def hint_to_install(suffixes: Iterable[str]) -> str:
    """Say in a clause for the end of a message what reads files with these suffixes; "" if nothing does."""
    wanted = sorted({*suffixes} & PLUGINS.keys() - {*_SLIDES})
    return f"; to read {' and '.join(wanted)}: {_pip_install(wanted)}" if wanted else ""


def _pip_install(suffixes: Iterable[str]) -> str:
    plugins = sorted({PLUGINS[suffix] for suffix in suffixes if suffix not in IN_EXTRA})
    return " ".join(('pip install "fcrbench[bio]"', *plugins))


def open_bio(path: str | os.PathLike[str]) -> Stack:
    """Open a file with bioio; pixels are read by slices.

    Raises DataError naming the file if bioio or the plug-in is not installed, the file cannot be read, or it
    holds several images ("scenes").
    """
    suffix = Path(path).suffix.lower()
    if not is_installed(suffix):
        raise DataError(f"{path}: {explain_install(suffix)}")
    if not Path(path).exists():
        raise DataError(f"{path}: no such file")
    from bioio import BioImage

    try:
        # With the reader named, bioio does not try the others and print what each of them says.
        image = BioImage(os.fspath(path), reader=importlib.import_module(_module_of(suffix)).Reader)
        scenes = image.scenes
        stack = _make_stack(image) if len(scenes) == 1 else None
    # Readers raise many types of errors.
    except Exception as error:
        raise damaged_file(path, error) from error
    if stack is None:
        names = ", ".join(scenes[:_MAX_LISTED]) + (", .." if len(scenes) > _MAX_LISTED else "")
        raise DataError(
            f"{path}: {len(scenes)} images (scenes) in one file, expected one: {names}; "
            "export them as OME-TIFF or OME-Zarr"
        )
    return stack


def _module_of(suffix: str) -> str:
    return PLUGINS[suffix].replace("-", "_")


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
