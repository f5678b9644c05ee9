"""Decodes an image file to its pixels with named axes. Every error of a decoder becomes one DataError."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from fcrbench.errors import DataError
from fcrbench.io import numpy_file, png, tiff
from fcrbench.io.stack import PAGES, Stack


def decode(path: str | os.PathLike[str], *, indexed: bool = False, describe: bool = True) -> Stack:
    """Read the pixels of one PNG or TIFF file.

    Returns pixels as they are stored, in native byte order; see `orientation.turn_upright`. A palette is
    expanded to its colours and "white is zero" is inverted; with `indexed`, the stored numbers are returned
    unchanged. Without `describe`, names and pixel size may be left out.
    Raises DataError naming the file if it is missing, empty, truncated, of another format or otherwise
    unreadable.
    """
    path = Path(path)
    data = _read_bytes(path)
    try:
        if data.startswith(png.MAGIC):
            stack = png.decode_png(data, indexed)
        elif data.startswith(tiff.MAGICS):
            stack = tiff.decode_tiff(data, indexed, str(path), describe)
        elif data.startswith(numpy_file.MAGIC):
            array = numpy_file.decode_npy(data)
            stack = Stack(array, "YX" if array.ndim == 2 else f"{PAGES}YX")
        else:
            raise DataError(f"{path}: neither a PNG nor a TIFF file")
    except DataError:
        raise
    except MemoryError as error:
        raise DataError(f"{path}: too large for the memory of this machine, or damaged") from error
    # Decoders raise many types of errors: RuntimeError, ValueError, struct.error, ...
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path}: cannot be read, truncated or damaged ({reason[:120]})") from error
    pixels = stack.pixels
    if pixels.size == 0:
        raise DataError(f"{path}: contains no pixels, shape {pixels.shape}")
    native = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))
    return stack if native is pixels else replace(stack, pixels=native)


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
