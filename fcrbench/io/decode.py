"""A PNG or TIFF file to the array it holds, whatever that is; every failure becomes one DataError."""

import io
import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fcrbench.errors import DataError

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_TIFF_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ROOM, _RATIO = 1 << 28, 4096  # pixels up to 256 MiB, or 4096 times the file (LZW and zlib reach 2400)
_PNG_PALETTE = 3  # colour type byte of the header


def decode(path: str | os.PathLike[str], *, indexed: bool = False) -> np.ndarray:
    """The pixels of one PNG or TIFF file.

    Returns (H, W), or (C, H, W) for C channels or pages; native byte order. A palette is expanded to its
    colours and "white is zero" turned round, or, with `indexed`, the stored numbers are kept as they are.
    Raises DataError naming the file when it is missing, empty, truncated, of another format or otherwise
    unreadable.
    """
    path = Path(path)
    data = _read_bytes(path)
    try:
        with _quiet_tifffile():
            if data.startswith(_PNG_MAGIC):
                array = _decode_png(data, indexed)
            elif data.startswith(_TIFF_MAGICS):
                array = _decode_tiff(data, indexed)
            else:
                raise DataError(f"{path}: is neither PNG nor TIFF")
    except DataError:
        raise
    except MemoryError as error:
        raise DataError(f"{path}: too large for the memory of this machine, or damaged") from error
    # Decoders raise whatever their C library or parser met: RuntimeError, ValueError, struct.error, ...
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path}: cannot be read, truncated or damaged ({reason[:120]})") from error
    if array.size == 0:
        raise DataError(f"{path}: holds no pixel, shape {array.shape}")
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be opened: {error.strerror or error}") from error
    if not data:
        raise DataError(f"{path}: the file is empty (0 bytes)")
    return data


def _decode_png(data: bytes, indexed: bool) -> np.ndarray:
    bits, colour_type = data[24], data[25]
    if indexed and colour_type == _PNG_PALETTE:
        # libpng as wrapped by imagecodecs always expands palettes; Pillow keeps the indices.
        from PIL import Image

        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image)
    import imagecodecs

    array: np.ndarray = imagecodecs.png_decode(data)
    if bits < 8 and colour_type == 0:
        # The decoder stretches 1-, 2- and 4-bit gray to 0..255; the file's own values are smaller.
        array = array // (255 // (2**bits - 1))
    return array if array.ndim == 2 else np.moveaxis(array, -1, 0)


def _decode_tiff(data: bytes, indexed: bool) -> np.ndarray:
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as tif:
        series = tif.pages
        series.useframes = False  # every page with its own directory, read in full
        pages: list[Any] = [
            page for page in series if not getattr(page, "is_reduced", False)
        ]  # thumbnails are no extra pages
        if not pages:
            raise ValueError("no image inside")
        if (tif.is_imagej or tif.is_shaped) and tif.series[0].size > sum(page.size for page in pages):
            # Stacks whose planes follow the first one without directories of their own.
            raise ValueError(f"a stack of shape {tif.series[0].shape}, expected one 2-D image")
        planes: list[np.ndarray] = []
        for page in pages:
            _check_segments(page, len(data))
            planes.extend(_page_planes(page, indexed))
    shapes = {plane.shape for plane in planes}
    if len(shapes) > 1:
        raise ValueError(f"pages of different shapes: {sorted(shapes)}")
    return planes[0] if len(planes) == 1 else np.stack(planes)


def _check_segments(page: Any, size: int) -> None:
    """Refuse what a damaged directory claims before memory is taken for it.

    Also, some codecs return what they could decode from a cut strip without an error.
    """
    if page.nbytes > max(_ROOM, _RATIO * size):
        raise ValueError(f"a file of {size:,} bytes that claims {page.nbytes:,} bytes of pixels")
    expected, found = math.prod(page.chunked), len(page.dataoffsets)
    if found < expected and not page.is_contiguous:
        raise ValueError(f"{found} of {expected} strips or tiles are there")
    ends = (start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True))
    if max(ends, default=0) > size:
        raise ValueError("the file is shorter than its own directory says")


def _page_planes(page: Any, indexed: bool) -> list[np.ndarray]:
    array: np.ndarray = page.asarray()
    photometric = getattr(page.photometric, "name", "")
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


@contextmanager
def _quiet_tifffile() -> Iterator[None]:
    """tifffile logs each oddity of a damaged file; the one error that follows says enough."""
    logger = logging.getLogger("tifffile")
    logger.addFilter(_drop)
    try:
        yield
    finally:
        logger.removeFilter(_drop)


def _drop(record: logging.LogRecord) -> bool:
    return False
