"""Decodes TIFF files."""

import io
import logging
import math
from typing import Any

import numpy as np

from fcrbench.io.formats.tiff_checks import (
    NOT_GRAY,
    check_segments,
    codec_swaps_24_bit,
    is_24_bit_integer,
    quiet_tifffile,
    read_directories,
)
from fcrbench.io.formats.tiff_layout import (
    arrange_pages,
    channel_names,
    claimed_size,
    find_contiguous,
    is_described,
    pixel_size,
    read_orientation,
    sample_names,
)
from fcrbench.io.memory_claim import check_memory_claim
from fcrbench.io.orientation import swaps_axes
from fcrbench.io.stack import Stack

_LOSSY = (6, 7, 34892, 50001, 33003, 33005, 22610, 34934)  # JPEG, WebP, JPEG 2000 of Aperio, JPEG XR
log = logging.getLogger(__name__)


def decode_tiff(data: bytes, indexed: bool, name: str, describe: bool = True) -> Stack:
    """Decode a file, see `decode.decode`. Raise any exception for a damaged file.

    name      name of the file, for the warning about lost directories after those that are read
    describe  read names of channels and the pixel size also of a single plane
    """
    import tifffile

    tags, lost = read_directories(io.BytesIO(data))
    with quiet_tifffile(), tifffile.TiffFile(io.BytesIO(data)) as tif:
        pages = image_pages(tif, tags, lost)
        total = sum(page.nbytes for page in pages)
        check_memory_claim(total, total, len(data))
        for page in pages:
            check_segments(page, len(data))
        described = is_described(tif, pages[0])
        axes, pixels, colours = _read_pixels(tif, pages, indexed, data, described, lost)
        stack = make_stack(tif, pages[0], axes, pixels, colours, described and describe)
    if lost:
        warn_lost(name, len(tags), lost)
    return stack


def warn_lost(name: object, found: int, lost: str) -> None:
    log.warning("%s: read only the first %d page%s: %s", name, found, "s" * (found > 1), lost)


def image_pages(tif: Any, tags: list[int], lost: str) -> list[Any]:
    """Return the pages of a file without thumbnails. Raise ValueError if there is none, or one is cut off.

    tags, lost  what `read_directories` returned
    """
    tif.pages.useframes = False  # read the full directory of every page
    found: list[Any] = [tif.pages[i] for i in range(len(tags))]
    pages = [page for page in found if not getattr(page, "is_reduced", False)]
    if not pages:
        raise ValueError("no image in the file")
    if lost and any(len(page.tags) < n for page, n in zip(found, tags, strict=True)):
        raise ValueError("the file is shorter than its own directory says")
    return pages


def claims_more(tif: Any, pages: list[Any], described: bool, lost: str) -> bool:
    """Return whether the file claims more planes than it has pages."""
    claims = described and (lost or not tif.is_ome)
    return bool(claims) and claimed_size(tif, pages[0]) > sum(page.size for page in pages)


def make_stack(
    tif: Any, page: Any, axes: str, pixels: Any, colours: tuple[str, ...], described: bool
) -> Stack:
    """Return the stack with its orientation, and with the names and the pixel size of described files."""
    orientation = read_orientation(page)
    names, size = colours, None
    if described:
        size = pixel_size(tif)
        if "S" not in axes:
            names = channel_names(tif, pixels.shape[axes.index("C")] if "C" in axes else 1)
    if size is not None and swaps_axes(orientation):
        size = size[::-1]
    return Stack(pixels, axes, names, size, orientation, page.compression in _LOSSY)


def _read_pixels(
    tif: Any, pages: list[Any], indexed: bool, data: bytes, described: bool, lost: str
) -> tuple[str, np.ndarray, tuple[str, ...]]:
    """Return the axes, the pixels and the names of the samples of all pages."""
    first = pages[0]
    palette = _has_palette(first) and not indexed
    if claims_more(tif, pages, described, lost):
        # The other planes of this stack have no directories of their own, or they are lost.
        if lost or (found := find_contiguous(tif, len(data))) is None:
            raise ValueError("a stack of which planes are lost")
        stored = np.frombuffer(data, found.dtype, math.prod(found.shape), found.start).reshape(found.shape)
        return (*found.arrange(stored), sample_names(first, palette))
    if len(pages) == 1:
        samples = _read_planes(first, indexed, len(data))
        if len(samples) == 1:
            return "YX", samples[0], ()
        return "SYX", np.stack(samples), sample_names(first, palette)
    axes, shape, order = arrange_pages(tif, pages, described)
    planes = [_read_planes(page, indexed, len(data)) for page in pages]
    shapes = {plane.shape for page in planes for plane in page}
    if len(shapes) > 1 or len({len(page) for page in planes}) > 1:
        raise ValueError(f"pages of different shapes: {sorted(shapes)}")
    n = len(planes[0])
    ordered = [plane for k in order for plane in planes[k]]
    lengths = [*shape, n] if n > 1 else shape
    pixels = np.stack(ordered).reshape(*lengths, *ordered[0].shape)
    return axes + ("S" if n > 1 else "") + "YX", pixels, sample_names(first, palette)


def _read_planes(page: Any, indexed: bool, size: int) -> list[np.ndarray]:
    photometric = getattr(page.photometric, "name", "")
    if photometric in NOT_GRAY:
        raise ValueError(f"colour space {photometric}, expected gray, a palette, or red, green and blue")
    palette = _has_palette(page) and not indexed
    if palette:
        check_memory_claim(6 * page.nbytes, page.nbytes, size)  # three colours of two bytes
    array: np.ndarray = page.asarray()
    if is_24_bit_integer(page) and codec_swaps_24_bit():
        array = array.byteswap()
    axes = page.axes
    if set(axes) - set("YXS"):
        raise ValueError(f"axes {axes}, expected one 2-D image")
    planes = [array] if "S" not in axes else list(np.moveaxis(array, axes.index("S"), 0))
    if palette:
        return _expand_palette(planes, page)
    # The planes after the gray one are alpha. The ids of a label image are numbers, not brightness.
    if photometric == "MINISWHITE" and array.dtype.kind == "u" and not indexed:
        planes[0] = (2**page.bitspersample - 1 - planes[0]).astype(array.dtype)
    elif photometric == "MINISWHITE" and array.dtype.kind == "b" and not _is_by_tifffile(page):
        planes[0] = ~planes[0]
    return planes


def _has_palette(page: Any) -> bool:
    return getattr(page.photometric, "name", "") == "PALETTE"


def _is_by_tifffile(page: Any) -> bool:
    """Return whether tifffile wrote the page. It calls a bool mask with True = 1 "white is zero"."""
    return page.software.startswith("tifffile")


def _expand_palette(planes: list[np.ndarray], page: Any) -> list[np.ndarray]:
    """Return the three colour planes of a palette image, followed by its other samples in the same dtype."""
    indices, *further = planes
    if page.colormap is None or page.colormap.shape != (3, 2**page.bitspersample):
        raise ValueError(f"expected a palette of {2**page.bitspersample} colours")
    colours = np.asarray(page.colormap)
    if not (colours & 0xFF).any() or (colours % 257 == 0).all():
        colours = (colours >> 8).astype(np.uint8)  # 8-bit colours stored in the 16-bit table
    top, most = int(np.iinfo(colours.dtype).max), 2**page.bitspersample - 1
    alphas = [(plane.astype(np.uint64) * top // most).astype(colours.dtype) for plane in further]
    return [*colours[:, indices.astype(np.intp)], *alphas]
