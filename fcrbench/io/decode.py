"""Decodes an image file to its pixels with named axes. Every error of a decoder becomes one DataError."""

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from fcrbench.errors import DataError, FcrbenchError, damaged_file
from fcrbench.io.bio import is_bio, open_bio
from fcrbench.io.formats import bmp, jpeg, jpeg2000, numpy_file, png, tiff, tiff_checks, unknown, webp
from fcrbench.io.formats.ome_zarr import open_zarr
from fcrbench.io.memory_claim import check_memory_claim
from fcrbench.io.stack import Stack
from fcrbench.io.zarr_folder import is_zarr


def decode(path: str | os.PathLike[str], *, indexed: bool = False, describe: bool = True) -> Stack:
    """Read the pixels of one image: PNG, TIFF, JPEG, JPEG 2000, BMP, WebP, OME-Zarr, or by bioio.

    The content decides what a file is, not its name; only files for bioio are known by their suffix.

    Returns pixels as they are stored, in native byte order; see `orientation.turn_upright`. Several planes of
    an OME-Zarr image or of a file for bioio are left on the disk, to be read by slices. A palette is
    expanded to its colours and "white is zero" is inverted; with `indexed`, the stored numbers are returned
    unchanged. Without `describe`, names and pixel size may be left out.
    Raises DataError naming the file if it is missing, empty, truncated, of another format or otherwise
    unreadable.
    """
    path = Path(path)
    try:
        if is_bio(path):
            return _load(open_bio(path), path, indexed)
        elif (data := _read_bytes(path)) is None:
            if not is_zarr(path):
                raise DataError(f"{path}: a folder, expected an image")
            return _load(open_zarr(path, indexed=indexed), path, indexed)
        elif data.startswith(tiff_checks.MAGICS):
            stack = tiff.decode_tiff(data, indexed, str(path), describe)
        elif decoder := _find_decoder(data):
            stack = decoder(data, indexed)
        else:
            raise DataError(f"{path}: {unknown.describe_content(data, path)}")
    except FcrbenchError:
        raise
    except MemoryError as error:
        raise DataError(f"{path}: too large for the memory of this machine, or damaged") from error
    # Decoders raise many types of errors: RuntimeError, ValueError, struct.error, ...
    except Exception as error:
        raise damaged_file(path, error) from error
    pixels = stack.pixels
    if pixels.size == 0:
        raise DataError(f"{path}: contains no pixels, shape {pixels.shape}")
    if pixels.dtype.isnative and pixels.flags.c_contiguous:
        return stack
    return replace(stack, pixels=np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("=")))


def _find_decoder(data: bytes) -> Callable[[bytes, bool], Stack] | None:
    if data.startswith(png.MAGIC):
        return png.decode_png
    if data.startswith(jpeg.MAGIC):
        return jpeg.decode_jpeg
    if data.startswith(jpeg2000.MAGICS):
        return jpeg2000.decode_jpeg2000
    if data.startswith(numpy_file.MAGIC):
        return numpy_file.decode_npy
    if webp.is_webp(data):
        return webp.decode_webp
    if bmp.is_bmp(data):
        return bmp.decode_bmp
    return None


def _load(stack: Stack, path: Path, indexed: bool) -> Stack:
    """Read the pixels of a label image, or of a single plane. Others stay on the disk until one is chosen."""
    shape = tuple(stack.pixels.shape)
    is_kept = not indexed and math.prod(shape[:-2]) > 1
    size = math.prod(shape[-2:] if is_kept else shape) * np.dtype(stack.pixels.dtype).itemsize
    try:
        check_memory_claim(size, size, 0)
    except ValueError:
        files = path.rglob("*") if path.is_dir() else [path]
        check_memory_claim(size, size, sum(file.stat().st_size for file in files if file.is_file()))
    if is_kept:
        return stack
    pixels = np.asarray(stack.pixels[(slice(None),) * len(shape)])
    return replace(stack, pixels=np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("=")))


def _read_bytes(path: Path) -> bytes | None:
    """Return the content of a file; None of a folder."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except IsADirectoryError:
        return None
    except OSError as error:
        if path.is_dir():  # as Windows says it
            return None
        raise DataError(f"{path}: cannot be opened: {error.strerror or error}") from error
    if not data:
        raise DataError(f"{path}: the file is empty (0 bytes)")
    return data
