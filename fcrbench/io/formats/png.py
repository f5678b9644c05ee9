"""Decodes PNG files.

The chunks are checked before libpng sees them, so that it neither allocates memory for sizes that a
file of this length cannot contain, nor writes warnings to stderr.
"""

import struct
import zlib

import numpy as np

from fcrbench.io.formats.exif import read_exif_orientation
from fcrbench.io.memory_claim import check_memory_claim
from fcrbench.io.orientation import UPRIGHT
from fcrbench.io.stack import ALPHA, RGB, Stack

MAGIC = b"\x89PNG\r\n\x1a\n"
_GRAY, _RGB, _PALETTE, _GRAY_ALPHA, _RGBA = 0, 2, 3, 4, 6  # colour types
_NAMES = {_GRAY_ALPHA: ("gray", ALPHA), _RGB: RGB, _RGBA: (*RGB, ALPHA), _PALETTE: RGB}
_CHANNELS = {_GRAY: 1, _RGB: 3, _PALETTE: 1, _GRAY_ALPHA: 2, _RGBA: 4}
_DEPTHS = {_GRAY: (1, 2, 4, 8, 16), _PALETTE: (1, 2, 4, 8)}  # other colour types have 8 or 16 bits
_MAX_SIDE = 1_000_000  # pixels, the limit that libpng sets
# Adam7: first row, first column and the steps of the seven passes (PNG specification, section 8.2).
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def decode_png(data: bytes, indexed: bool) -> Stack:
    """Return pixels (H, W) or (S, H, W) uint8 or uint16, see `decode.decode`. Raise ValueError if damaged.

    The colour that the chunk tRNS makes transparent is information beside the pixels; it changes none.
    """
    chunks = _read_chunks(data)
    width, height, bits, colour, compression, filtering, interlace = struct.unpack(
        ">IIBBBBB", chunks[b"IHDR"][0]
    )
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise ValueError(f"an image of {height} x {width} pixels")
    if colour not in _CHANNELS or bits not in _DEPTHS.get(colour, (8, 16)):
        raise ValueError(f"colour type {colour} with {bits} bits")
    if compression or filtering or interlace > 1:
        raise ValueError("unknown method of compression, filtering or interlacing")
    if b"IDAT" not in chunks:
        raise ValueError("no pixels")
    channels = _CHANNELS[colour]
    expanded = 3 if colour == _PALETTE and not indexed else channels
    stored = height * -(-width * bits * channels // 8)
    check_memory_claim(height * width * max(bits // 8, 1) * expanded, stored, len(data))
    if colour == _PALETTE and indexed:
        colour = _GRAY  # decode the indices as gray values
    extra = _palette_chunk(chunks, colour, bits)
    pixels = b"".join(chunks[b"IDAT"])
    decode = _deinterlace if interlace else _decode
    array = decode(pixels, height, width, bits, colour, extra)
    orientation = read_exif_orientation(chunks[b"eXIf"][0]) if b"eXIf" in chunks else UPRIGHT
    if array.ndim == 2:
        return Stack(array, orientation=orientation)
    return Stack(array, "SYX", _NAMES[colour], orientation=orientation)


def _read_chunks(data: bytes) -> dict[bytes, list[bytes]]:
    """Return the contents of the chunks of pixels and of Exif, in order. A truncated end is ignored."""
    found: dict[bytes, list[bytes]] = {}
    at = len(MAGIC)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        name, end = data[at + 4 : at + 8], at + 12 + length
        if not found and (name, length) != (b"IHDR", 13):
            raise ValueError("no header")
        if end > len(data):
            if name == b"IDAT":
                raise ValueError("the file ends within its pixels")
            break
        if name in (b"IHDR", b"PLTE", b"IDAT"):
            (stored,) = struct.unpack_from(">I", data, end - 4)
            if zlib.crc32(memoryview(data)[at + 4 : end - 4]) != stored:
                raise ValueError(f"checksum of {name.decode()} is wrong")
            if name != b"IDAT" and name in found:
                raise ValueError(f"{name.decode()} comes twice")
            found.setdefault(name, []).append(data[at + 8 : end - 4])
        elif name == b"eXIf":
            found.setdefault(name, []).append(data[at + 8 : end - 4])
        elif name == b"IEND":
            return found
        at = end
    if not found:
        raise ValueError("no header")
    return found


def _palette_chunk(chunks: dict[bytes, list[bytes]], colour: int, bits: int) -> bytes:
    """Return the chunk of the palette, or nothing for pixels that are no indices."""
    if colour != _PALETTE:
        return b""
    colours = (chunks.get(b"PLTE") or [b""])[0]
    if len(colours) % 3 or not 1 <= len(colours) // 3 <= 1 << bits:
        raise ValueError(f"a palette of {len(colours)} bytes")
    return _make_chunk(b"PLTE", colours)


def _decode(pixels: bytes, height: int, width: int, bits: int, colour: int, extra: bytes) -> np.ndarray:
    import imagecodecs

    header = _make_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    file = b"".join([MAGIC, header, extra, _make_chunk(b"IDAT", pixels), _make_chunk(b"IEND", b"")])
    array: np.ndarray = imagecodecs.png_decode(file)
    if bits < 8 and colour == _GRAY:
        # The decoder scales 1-, 2- and 4-bit gray to 0..255. This restores the values in the file.
        array = array // (255 // (2**bits - 1))
    return array if array.ndim == 2 else np.moveaxis(array, -1, 0)


def _deinterlace(pixels: bytes, height: int, width: int, bits: int, colour: int, extra: bytes) -> np.ndarray:
    """Decode an interlaced image. Each of its passes is decoded as an image of its own."""
    line = bits * _CHANNELS[colour]
    passes = []
    for y, x, down, right in _PASSES:
        shape = -(-(height - y) // down), -(-(width - x) // right)
        if min(shape) > 0:
            passes.append((np.s_[..., y::down, x::right], shape, shape[0] * (1 + -(-shape[1] * line // 8))))
    expected = sum(size for _, _, size in passes)
    raw = zlib.decompressobj().decompress(pixels, expected)
    if len(raw) < expected:
        raise ValueError(f"expected {expected} bytes of pixels, found {len(raw)}")
    out: np.ndarray | None = None
    at = 0
    for where, shape, size in passes:
        part = _decode(zlib.compress(raw[at : at + size], 0), *shape, bits, colour, extra)
        if out is None:
            out = np.empty((*part.shape[:-2], height, width), part.dtype)
        out[where] = part
        at += size
    assert out is not None
    return out


def _make_chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(name))
    return b"".join([struct.pack(">I", len(content)), name, content, struct.pack(">I", checksum)])
