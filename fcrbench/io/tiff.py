"""TIFF: what tifffile is given is checked before, so that a damaged file costs neither time nor memory."""

import io
import logging
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, BinaryIO

import numpy as np

from fcrbench.io.room import check_room

MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MOST_TAGS = 4096  # of a directory, as tifffile allows


def decode_tiff(data: bytes, indexed: bool) -> np.ndarray:
    """(H, W) or (C, H, W), see `decode.decode`; any exception for a file that is damaged."""
    import tifffile

    n = count_directories(io.BytesIO(data))
    with quiet_tifffile(), tifffile.TiffFile(io.BytesIO(data)) as tif:
        tif.pages.useframes = False  # every page with its own directory, read in full
        found: list[Any] = [tif.pages[i] for i in range(n)]
        pages = [page for page in found if not getattr(page, "is_reduced", False)]  # thumbnails are none
        if not pages:
            raise ValueError("no image inside")
        if (tif.is_imagej or tif.is_shaped) and tif.series[0].size > sum(page.size for page in pages):
            # Stacks whose planes follow the first one without directories of their own.
            raise ValueError(f"a stack of shape {tif.series[0].shape}, expected one 2-D image")
        total = sum(page.nbytes for page in pages)
        check_room(total, total, len(data))
        planes: list[np.ndarray] = []
        for page in pages:
            check_segments(page, len(data))
            planes.extend(_page_planes(page, indexed, len(data)))
    shapes = {plane.shape for plane in planes}
    if len(shapes) > 1:
        raise ValueError(f"pages of different shapes: {sorted(shapes)}")
    return planes[0] if len(planes) == 1 else np.stack(planes)


def count_directories(file: BinaryIO) -> int:
    """The number of directories in the chain of a TIFF file.

    ValueError where the chain is a ring, in which tifffile would go round without end, or leaves the file.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    magic = file.read(4)
    if magic not in MAGICS:
        raise ValueError("no TIFF file")
    order = "<" if magic[:2] == b"II" else ">"
    big = 43 in magic
    offset, count, entry = ("Q", "Q", 20) if big else ("I", "H", 12)

    def number(form: str, at: int) -> int:
        file.seek(at)
        found: int = struct.unpack(order + form, file.read(struct.calcsize(form)))[0]
        return found

    try:
        at = number(offset, 8 if big else 4)
        seen: set[int] = set()
        while at:
            if at in seen:
                raise ValueError("its directories form a ring")
            if at >= size:
                raise ValueError("the file is shorter than its own directory says")
            seen.add(at)
            n = number(count, at)
            if not 0 < n <= _MOST_TAGS:
                raise ValueError(f"a directory of {n} tags")
            at = number(offset, at + struct.calcsize(count) + n * entry)
    except struct.error as error:
        raise ValueError("the file ends within a directory") from error
    file.seek(0)
    return len(seen)


def check_segments(page: Any, size: int) -> None:
    """Refuse what a damaged directory claims before memory is taken for it.

    Also, some codecs return what they could decode from a cut strip without an error.
    """
    check_room(page.nbytes, page.nbytes, size)
    if getattr(page.compression, "name", "") == "LERC":
        raise ValueError("LERC compression is not read")  # its own header may claim any size
    chunk = (
        math.prod(page.chunks) * page.dtype.itemsize
    )  # a strip or tile, also where it is larger than the page
    check_room(chunk, chunk, size)
    expected, found = math.prod(page.chunked), len(page.dataoffsets)
    if found < expected and not page.is_contiguous:
        raise ValueError(f"{found} of {expected} strips or tiles are there")
    ends = (start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True))
    if max(ends, default=0) > size:
        raise ValueError("the file is shorter than its own directory says")


def _page_planes(page: Any, indexed: bool, size: int) -> list[np.ndarray]:
    photometric = getattr(page.photometric, "name", "")
    if photometric == "PALETTE" and not indexed:
        check_room(6 * page.nbytes, page.nbytes, size)  # three colours of two bytes
    array: np.ndarray = page.asarray()
    if photometric == "MINISWHITE" and array.dtype.kind == "u" and not indexed:
        # Bilevel files stay as stored: tifffile itself writes a bool mask, True = 1, as "white is zero".
        array = (2**page.bitspersample - 1 - array).astype(array.dtype)
    elif photometric == "PALETTE" and not indexed:
        colours = np.asarray(page.colormap)
        if not (colours & 0xFF).any() or (colours % 257 == 0).all():
            colours = (colours >> 8).astype(np.uint8)  # 8-bit colours stored in the 16-bit table
        return list(colours[:, array])
    axes = page.axes
    if set(axes) - set("YXS"):
        raise ValueError(f"axes {axes}, expected one 2-D image")
    return [array] if "S" not in axes else list(np.moveaxis(array, axes.index("S"), 0))


_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


def _unless_quiet(record: logging.LogRecord) -> bool:
    return not _quiet.get()


@contextmanager
def quiet_tifffile() -> Iterator[None]:
    """tifffile logs each oddity of a damaged file; the one error that follows says enough."""
    logging.getLogger("tifffile").addFilter(_unless_quiet)  # once, however often it is added
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)
