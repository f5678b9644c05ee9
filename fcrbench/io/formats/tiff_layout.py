"""What the pages of a TIFF file are: the axes, channel names and pixel size that its metadata gives."""

import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from fcrbench.io.stack import ALPHA, PAGES, RGB
from fcrbench.io.units import to_micrometres

_ORIENTATION = 274
_DESCRIPTIONS = (270, 34412)  # ImageDescription, and that of Zeiss LSM


def is_described(tif: Any, page: Any) -> bool:
    """Return whether the file has metadata that says what its pages are. `page` is the first of them."""
    if not any(tag in page.tags for tag in _DESCRIPTIONS):
        return False  # most files of one plane: this takes a microsecond
    return bool(tif.is_ome or tif.is_imagej or tif.is_shaped or tif.is_lsm)


def claimed_size(tif: Any, page: Any) -> int:
    """Return the number of samples that the metadata of the first page say the image has; 0 if they do not.

    This reads the text itself, because the series of tifffile take longer than the pixels of a small image.
    """
    text = page.description
    if text.startswith(("ImageJ=", "SCIFIO=")) and (found := re.search(r"^images=(\d+)", text, re.MULTILINE)):
        return int(found[1]) * int(page.size)
    if found := re.match(r'(?:\{"shape": \[|shape=\()([\d, ]+)[\])]', text):
        return math.prod(int(n) for n in found[1].replace(",", " ").split())
    series = _series(tif) if text.endswith("OME>") else []
    return int(series[0].size) if series else 0


def arrange_pages(tif: Any, pages: Sequence[Any], described: bool) -> tuple[str, list[int], list[int]]:
    """Return axes and shape of the pages, and the order in which they fill it.

    pages  the pages of the file without thumbnails
    Returns axes such as "ZC", their lengths, and indices into `pages`. Pages without a description have the
    one axis "Q"; a single page has none. Raises ValueError if the file holds several images.
    """
    unnamed = (PAGES, [len(pages)], list(range(len(pages)))) if len(pages) > 1 else ("", [], [0])
    if not described:
        return unnamed
    position = {page.index: k for k, page in enumerate(pages)}
    images = [series for series in _series(tif) if any(_index(page) in position for page in series)]
    if not images:
        return unnamed
    if len(images) > 1 and tif.is_ome:
        raise ValueError(f"{len(images)} images in one file, expected one")
    series = images[0]
    leading = [(axis, n) for axis, n in zip(series.axes, series.shape, strict=True) if axis not in "YXS"]
    order = [position.get(_index(page), -1) for page in series]
    if math.prod(n for _, n in leading) != len(order) or sorted(order) != list(range(len(pages))):
        return unnamed  # the other planes of the image are in other files
    return "".join(_axis_name(axis) for axis, _ in leading), [n for _, n in leading], order


class Contiguous(NamedTuple):
    """Planes that follow each other in a file after one directory: where they start, and what they are."""

    start: int
    dtype: np.dtype
    shape: tuple[int, ...]
    axes: str

    def arrange(self, pixels: NDArray) -> tuple[str, NDArray]:
        """Return axes and pixels with rows and columns last."""
        order = sorted(range(len(self.axes)), key=lambda k: "SYX".find(self.axes[k]))
        return "".join(self.axes[k] for k in order), pixels.transpose(order)


def find_contiguous(tif: Any, size: int) -> Contiguous | None:
    """Return where the planes of a stack are that has one directory; None if it is stored in another way.

    size  bytes of the file

    ImageJ writes files of more than 4 GB so. Raises ValueError if planes are lost.
    """
    series = tif.series[0]
    if series.dataoffset is None:
        return None
    if series.dataoffset + series.size * series.dtype.itemsize > size:
        raise ValueError(f"a stack of shape {series.shape} of which planes are lost")
    axes = "".join(_axis_name(axis) for axis in series.axes)
    return Contiguous(series.dataoffset, series.dtype.newbyteorder(tif.byteorder), series.shape, axes)


def sample_names(page: Any, palette: bool) -> tuple[str, ...]:
    """Return the names of the samples of a page: colours, and alpha or other extra samples."""
    photometric = getattr(page.photometric, "name", "")
    extra = [ALPHA if int(sample) else "extra" for sample in page.extrasamples]
    colours = list(RGB) if palette or photometric in ("RGB", "YCBCR") else ["gray"]
    samples = page.samplesperpixel + (2 if palette else 0)
    if samples == len(colours) + len(extra):
        return (*colours, *extra)
    if samples == len(colours) + 1:  # a sample that the file does not describe
        return (*colours, "extra")
    return ()


def read_orientation(page: Any) -> int:
    """Return the Orientation tag; 1, upright, if it is missing or has no meaning."""
    tag = page.tags.get(_ORIENTATION)
    value = tag.value if tag is not None else 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def channel_names(tif: Any, n: int) -> tuple[str, ...]:
    """Return the names that OME, ImageJ or LSM metadata give to n channels, or ()."""
    for found in (
        _tried(tif.is_ome, _ome_channels, tif),
        _tried(tif.is_imagej, _imagej_channels, tif, n),
        _tried(tif.is_lsm, _lsm_channels, tif),
    ):
        if found and len(found) == n and all(found):
            return tuple(found)
    return ()


def pixel_size(tif: Any) -> tuple[float, float] | None:
    """Return height and width of a pixel in micrometres from OME, ImageJ or LSM metadata, or None.

    A resolution in dots per inch alone is not used, because most programs write one without a meaning.
    """
    for found in (
        _tried(tif.is_ome, _ome_pixel_size, tif),
        _tried(tif.is_imagej, _imagej_pixel_size, tif),
        _tried(tif.is_lsm, _lsm_pixel_size, tif),
    ):
        if found and all(math.isfinite(side) and side > 0 for side in found):
            return found[0], found[1]
    return None


def _series(tif: Any) -> list[Any]:
    return list(_tried(True, lambda: tif.series) or ())


def _tried(applies: bool, read: Callable[..., Any], *args: Any) -> Any:
    """Return read(*args), or None if it fails: bad metadata do not make the pixels useless."""
    if applies:
        with suppress(Exception):
            return read(*args)
    return None


def _index(page: Any) -> int:
    return -1 if page is None else int(page.index)


def _axis_name(axis: str) -> str:
    return axis if axis in "YXSCZT" else PAGES


def _ome_pixels(tif: Any) -> ElementTree.Element:
    root = ElementTree.fromstring(tif.ome_metadata)
    found = next(element for element in root.iter() if element.tag.rpartition("}")[2] == "Pixels")
    return found


def _ome_channels(tif: Any) -> list[str]:
    channels = [c for c in _ome_pixels(tif) if c.tag.rpartition("}")[2] == "Channel"]
    return [c.get("Name") or c.get("Fluor") or "" for c in channels]


def _ome_pixel_size(tif: Any) -> list[float] | None:
    pixels = _ome_pixels(tif)
    sides = [
        to_micrometres(
            float(pixels.attrib[f"PhysicalSize{axis}"]), pixels.get(f"PhysicalSize{axis}Unit", "µm")
        )
        for axis in "YX"
    ]
    return [side for side in sides if side is not None] if None not in sides else None


def _imagej_channels(tif: Any, n: int) -> list[str]:
    """Labels of the slices, "c:1/3 z:1/5 - DAPI" or "DAPI", channels first."""
    labels = tif.imagej_metadata.get("Labels", [])
    names = [re.sub(r"^c:\d+/\d+.*? - ", "", label) for label in labels[:n]]
    return names if len(set(names)) == n else []


def _imagej_pixel_size(tif: Any) -> list[float] | None:
    page, unit = tif.pages[0], str(tif.imagej_metadata.get("unit", "pixel"))
    sides = []
    for tag in ("YResolution", "XResolution"):
        pixels, units = page.tags[tag].value
        sides.append(to_micrometres(units / pixels, unit or "pixel"))
    return [side for side in sides if side is not None] if None not in sides else None


def _lsm_channels(tif: Any) -> list[str]:
    return list(tif.lsm_metadata["ChannelColors"]["ColorNames"])


def _lsm_pixel_size(tif: Any) -> list[float]:
    return [float(tif.lsm_metadata[f"VoxelSize{axis}"]) * 1e6 for axis in "YX"]
