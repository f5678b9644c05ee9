"""Decodes BMP files without compression.

Pillow takes the bytes of an 8-bit file with two colours for bits, so that masks come out wrong.
"""

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fcrbench.io.memory_claim import check_memory_claim
from fcrbench.io.stack import ALPHA, RGB, Stack

_CORE = 12  # bytes of the oldest header, which has shorter fields
_HEADERS = (_CORE, 40, 52, 56, 64, 108, 124)
_RAW, _BITFIELDS, _ALPHA_BITFIELDS = 0, 3, 6
_PALETTES = (1, 2, 4, 8)  # bits of pixels that are indices
_MASKS = {16: (0x7C00, 0x3E0, 0x1F), 24: (0xFF0000, 0xFF00, 0xFF), 32: (0xFF0000, 0xFF00, 0xFF)}


class _Header(NamedTuple):
    height: int
    width: int
    top_down: bool
    bits: int
    compression: int
    colours: int
    pixels: int
    header: int

    @property
    def row(self) -> int:
        """Bytes of a row, a multiple of four."""
        return (self.width * self.bits + 31) // 32 * 4


def is_bmp(data: bytes) -> bool:
    """Return whether the content is a BMP file. Two letters alone would also be the beginning of a text."""
    return data[:2] == b"BM" and len(data) >= 18 and int.from_bytes(data[14:18], "little") in _HEADERS


def decode_bmp(data: bytes, indexed: bool) -> Stack:
    """Return pixels (H, W) or (S, H, W) uint8, see `decode.decode`. Raise an exception if damaged.

    Images of 1 to 8 bits have a palette; with `indexed`, its indices are returned.
    """
    head = _read_header(data)
    if head.pixels + head.row * head.height > len(data):
        raise ValueError("the file ends within its pixels")
    check_memory_claim(4 * head.height * head.width, head.row * head.height, len(data))
    rows = np.frombuffer(data, np.uint8, head.row * head.height, head.pixels).reshape(head.height, head.row)
    if not head.top_down:
        rows = rows[::-1]
    if head.bits in _PALETTES:
        indices = _unpack(rows, head)
        if indexed:
            return Stack(indices)
        return Stack(_read_palette(data, head)[:, indices], "SYX", RGB)
    masks = _read_masks(data, head)
    numbers = _join_bytes(rows, head)
    samples = np.stack([_extract(numbers, mask) for mask in masks])
    return Stack(samples, "SYX", (*RGB, ALPHA)[: len(masks)])


def _read_header(data: bytes) -> _Header:
    pixels, size = struct.unpack_from("<II", data, 10)
    compression = colours = 0
    if size == _CORE:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
        (colours,) = struct.unpack_from("<I", data, 46)
    if width <= 0 or height == 0:
        raise ValueError(f"an image of {height} x {width} pixels")
    if bits not in _PALETTES and bits not in _MASKS:
        raise ValueError(f"pixels of {bits} bits")
    allowed = (_RAW,) if bits in _PALETTES or bits == 24 else (_RAW, _BITFIELDS, _ALPHA_BITFIELDS)
    if compression not in allowed:
        raise ValueError(f"compression {compression} is not supported; convert the file first")
    return _Header(abs(height), width, height < 0, bits, compression, colours, pixels, size)


def _unpack(rows: NDArray[np.uint8], head: _Header) -> NDArray[np.uint8]:
    """Return the indices of the pixels, of which the first stands in the highest bits of a byte."""
    if head.bits < 8:
        shifts = np.arange(8 - head.bits, -1, -head.bits, dtype=np.uint8)
        rows = (rows[:, :, None] >> shifts & np.uint8((1 << head.bits) - 1)).reshape(len(rows), -1)
    return np.ascontiguousarray(rows[:, : head.width])


def _read_palette(data: bytes, head: _Header) -> NDArray[np.uint8]:
    """Return the palette (3, 256). Indices without a colour are black, as other readers show them."""
    entry = 3 if head.header == _CORE else 4
    start = 14 + head.header
    n = min(head.colours or 1 << head.bits, 1 << head.bits, max(head.pixels - start, 0) // entry)
    table = np.zeros((3, 256), np.uint8)
    stored = np.frombuffer(data, np.uint8, n * entry, start).reshape(n, entry)
    table[:, :n] = stored[:, 2::-1].T  # stored as blue, green, red
    return table


def _read_masks(data: bytes, head: _Header) -> tuple[int, ...]:
    """Return the bits of red, green, blue, and alpha if there is one."""
    if head.compression == _RAW:
        return _MASKS[head.bits]
    # The masks follow the fields of the oldest header that has them, as a part of a newer one.
    has_alpha = head.header >= 56 or head.compression == _ALPHA_BITFIELDS
    masks = struct.unpack_from("<4I" if has_alpha else "<3I", data, 54)
    if not all(masks[:3]):
        raise ValueError("a colour without bits")
    return masks if masks[-1] else masks[:3]


def _join_bytes(rows: NDArray[np.uint8], head: _Header) -> NDArray[np.uint32]:
    """Return the number of each pixel, which holds its colours."""
    n = head.bits // 8
    parts = rows[:, : head.width * n].reshape(head.height, head.width, n).astype(np.uint32)
    out = parts[..., 0]
    for k in range(1, n):
        out = out | parts[..., k] << np.uint32(8 * k)
    return out


def _extract(numbers: NDArray[np.uint32], mask: int) -> NDArray[np.uint8]:
    """Return one colour, scaled to 0..255."""
    shift = (mask & -mask).bit_length() - 1
    most = mask >> shift
    if most & (most + 1) or most > 255:
        raise ValueError(f"colours in the bits {mask:#x} are not supported")
    values = numbers >> np.uint32(shift) & np.uint32(most)
    return ((values * 255 + most // 2) // most).astype(np.uint8)
