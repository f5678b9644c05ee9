"""Decodes JPEG 2000 files: JP2, JPX and bare codestreams.

The sizes that a file claims are checked before OpenJPEG allocates memory for them.
"""

import struct
from collections.abc import Iterator

import numpy as np

from fcrbench.io.memory_claim import check_memory_claim
from fcrbench.io.stack import ALPHA, RGB, Stack

JP2_MAGIC = b"\0\0\0\x0cjP  \r\n\x87\n"
CODESTREAM_MAGIC = b"\xff\x4f\xff\x51"
MAGICS = (JP2_MAGIC, CODESTREAM_MAGIC)
_SOC, _SIZ, _COD, _COC, _SOT = 0xFF4F, 0xFF51, 0xFF52, 0xFF53, 0xFF90
_REVERSIBLE = 1  # the wavelet 5-3
_MAX_TILES = 65535
_SRGB, _GRAY = 16, 17  # enumerated colour spaces
_MAX_BITS = 16
_NAMES = {1: (), 2: ("gray", ALPHA), 3: RGB, 4: (*RGB, ALPHA)}


def decode_jpeg2000(data: bytes, indexed: bool) -> Stack:
    """Return pixels (H, W) or (S, H, W), see `decode.decode`. Raise ValueError if damaged."""
    import imagecodecs

    codestream = data
    if data.startswith(JP2_MAGIC):
        codestream = _find_codestream(data)
    samples, lossy = _check_codestream(codestream)
    pixels: np.ndarray = imagecodecs.jpeg2k_decode(codestream, numthreads=1)
    if pixels.ndim == 2:
        return Stack(pixels, lossy=lossy)
    return Stack(np.moveaxis(pixels, -1, 0), "SYX", _NAMES[samples], lossy=lossy)


def _boxes(data: bytes, at: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of the boxes of a JP2 file."""
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, start)
            start += 8
        end = at + length if length else len(data)
        if end < start or end > len(data):
            raise ValueError("the file ends within a box")
        yield kind, data[start:end]
        at = end


def _find_codestream(data: bytes) -> bytes:
    """Return the codestream of a JP2 file. Raise ValueError if its colours are not those of the samples."""
    found: bytes | None = None
    for kind, content in _boxes(data):
        if kind == b"jp2h":
            for inner, value in _boxes(content):
                if inner == b"pclr":
                    raise ValueError("a palette in a JPEG 2000 file is not supported; convert it first")
                if inner == b"colr" and value[:1] == b"\1" and len(value) >= 7:
                    (space,) = struct.unpack_from(">I", value, 3)
                    if space not in (_SRGB, _GRAY):
                        raise ValueError(f"colour space {space}, expected gray or red, green and blue")
        elif kind == b"jp2c":
            if found is not None:
                raise ValueError("several images in one file, expected one")
            found = content
    if found is None:
        raise ValueError("no pixels")
    return found


def _check_codestream(data: bytes) -> tuple[int, bool]:
    """Return the number of samples, and whether the compression loses information."""
    soc, siz, _ = struct.unpack_from(">HHH", data)
    if (soc, siz) != (_SOC, _SIZ):
        raise ValueError("no header")
    right, bottom, left, top, tile_w, tile_h, tile_x, tile_y = struct.unpack_from(">8I", data, 8)
    (samples,) = struct.unpack_from(">H", data, 40)
    width, height = right - left, bottom - top
    if min(width, height, tile_w, tile_h) <= 0:
        raise ValueError(f"an image of {height} x {width} pixels")
    if samples not in _NAMES:
        raise ValueError(f"{samples} samples, expected gray or red, green and blue")
    kinds = [struct.unpack_from(">BBB", data, 42 + 3 * k) for k in range(samples)]
    if any(kind != kinds[0] for kind in kinds) or kinds[0][1:] != (1, 1):
        raise ValueError("samples of different sizes or depths are not supported")
    if (kinds[0][0] & 0x7F) + 1 > _MAX_BITS:
        raise ValueError(f"pixels of {(kinds[0][0] & 0x7F) + 1} bits, expected at most {_MAX_BITS}")
    if -(-(right - tile_x) // tile_w) * -(-(bottom - tile_y) // tile_h) > min(_MAX_TILES, len(data)):
        raise ValueError("more tiles than the file can contain")
    size = width * height * samples * 4  # OpenJPEG computes with numbers of four bytes
    check_memory_claim(size, size, len(data))
    return samples, not _is_reversible(data)


def _is_reversible(data: bytes) -> bool:
    """Return whether all wavelets in the main header are reversible."""
    at = 2
    reversible = []
    while at + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, at)
        if marker == _SOT:
            break
        content = data[at + 4 : at + 2 + length]
        if marker == _COD and len(content) >= 10:
            reversible.append(content[9] == _REVERSIBLE)
        elif marker == _COC and len(content) >= 7:
            reversible.append(content[6] == _REVERSIBLE)
        at += 2 + length
    return bool(reversible) and all(reversible)
