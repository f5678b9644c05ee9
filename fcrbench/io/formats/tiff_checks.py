"""Checks TIFF files before tifffile reads them, so that a damaged file costs no memory."""

import io
import logging
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, BinaryIO

import numpy as np

from fcrbench.io.memory_claim import check_memory_claim

MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
NOT_GRAY = ("SEPARATED", "CIELAB", "ICCLAB", "ITULAB")  # equal samples are not gray in these colour spaces
_MAX_TAGS = 4096  # per directory, the limit of tifffile


def read_directories(file: BinaryIO) -> tuple[list[int], str]:
    """Return the number of tags of each directory of a TIFF file, and why the chain of directories is broken.

    The reason is "" for a complete chain. Like other readers, this accepts the directories before a lost one,
    because some writers leave a wrong offset after the last directory, where TIFF 6.0 requires 0. Raises
    ValueError if the first directory is lost, or if the chain is a ring, which tifffile would follow forever.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    magic = file.read(4)
    if magic not in MAGICS:
        raise ValueError("not a TIFF file")
    order = "<" if magic[:2] == b"II" else ">"
    big = 43 in magic
    offset, count, entry = ("Q", "Q", 20) if big else ("I", "H", 12)

    def number(form: str, at: int) -> int:
        file.seek(at)
        found: int = struct.unpack(order + form, file.read(struct.calcsize(form)))[0]
        return found

    def directory(at: int) -> tuple[int, int]:
        """Return the number of tags of a directory and the offset of the next one."""
        if at >= size:
            raise ValueError("the file is shorter than its own directory says")
        n = number(count, at)
        if not 0 < n <= _MAX_TAGS:
            raise ValueError(f"a directory of {n} tags")
        return n, number(offset, at + struct.calcsize(count) + n * entry)

    seen: dict[int, int] = {}
    lost = ""
    try:
        at = number(offset, 8 if big else 4)
        while at:
            if at in seen:
                raise ValueError("its directories form a ring")
            try:
                n, after = directory(at)
            except (struct.error, ValueError) as error:
                if not seen:
                    raise
                lost = "the file ends within a directory" if isinstance(error, struct.error) else str(error)
                break
            seen[at] = n
            at = after
    except struct.error as error:
        raise ValueError("the file ends within a directory") from error
    file.seek(0)
    return list(seen.values()), lost


def check_segments(page: Any, size: int) -> None:
    """Refuse damaged directories and unsupported pixels before memory is allocated for them.

    This also refuses truncated strips, because some codecs decode a part of them without an error.
    """
    if page.dtype is None:
        raise ValueError(
            f"pixels of {page.bitspersample} bits and format {int(page.sampleformat)} are not supported"
        )
    if is_24_bit_integer(page) and (page.parent.byteorder == "<" or page.predictor != 1):
        # In little-endian files libtiff puts the lowest byte first and tifffile the highest, and TIFF 6.0
        # allows both readings. A predictor is undone before the integers are unpacked.
        raise ValueError("24-bit integers in an unknown byte order, expected big-endian ones")
    check_memory_claim(page.nbytes, page.nbytes, size)
    if getattr(page.compression, "name", "") == "LERC":
        raise ValueError("LERC compression is not supported")  # its own header may claim any size
    chunk = (
        math.prod(page.chunks) * page.dtype.itemsize
    )  # a strip or tile, also where it is larger than the page
    check_memory_claim(chunk, chunk, size)
    expected, found = math.prod(page.chunked), len(page.dataoffsets)
    if found < expected and not page.is_contiguous:
        raise ValueError(f"expected {expected} strips or tiles, found {found}")
    ends = (start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True))
    if max(ends, default=0) > size:
        raise ValueError("the file is shorter than its own directory says")


def check_readable_in_tiles(page: Any, indexed: bool) -> None:
    """Refuse a page for which the numbers that tifffile returns tile by tile are not the pixels.

    indexed  whether the indices of a palette and the stored values of "white is zero" are wanted
    """
    photometric = getattr(page.photometric, "name", "")
    if photometric in NOT_GRAY or (photometric in ("PALETTE", "MINISWHITE") and not indexed):
        raise ValueError(f"colour space {photometric}, expected black-is-zero gray to read in tiles")
    if is_24_bit_integer(page) and codec_swaps_24_bit():
        raise ValueError("big-endian 24-bit integers, which cannot be read in tiles")


def is_24_bit_integer(page: Any) -> bool:
    """Return whether the pixels are integers of three bytes."""
    return page.bitspersample == 24 and page.dtype is not None and page.dtype.kind in "iu"


@cache
def codec_swaps_24_bit() -> bool:
    """Return whether imagecodecs decodes big-endian integers of three bytes in the wrong byte order."""
    import imagecodecs

    return int(imagecodecs.packints_decode(b"\0\0\1", np.dtype(">u4"), 24)[0]) != 1


_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


def _is_not_quiet(record: logging.LogRecord) -> bool:
    return not _quiet.get()


@contextmanager
def quiet_tifffile() -> Iterator[None]:
    """Silence the log of tifffile about damaged files, because one error follows anyway."""
    logging.getLogger("tifffile").addFilter(_is_not_quiet)  # adding it again has no effect
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)
