"""Decodes WebP files."""

import struct

import numpy as np

from fcrbench.io.formats.exif import read_exif_orientation
from fcrbench.io.memory_claim import check_memory_claim
from fcrbench.io.orientation import UPRIGHT
from fcrbench.io.stack import ALPHA, RGB, Stack


def is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def decode_webp(data: bytes, indexed: bool) -> Stack:
    """Return pixels (S, H, W) uint8, see `decode.decode`. Raise ValueError if damaged."""
    import imagecodecs

    chunks = _read_chunks(data)
    if b"ANIM" in chunks or b"ANMF" in chunks:
        raise ValueError("an animation, expected one image")
    height, width, lossy = _read_size(chunks)
    size = 4 * height * width
    check_memory_claim(size, size, len(data))
    pixels: np.ndarray = imagecodecs.webp_decode(data)
    if pixels.shape[:2] != (height, width):
        raise ValueError(f"an image of shape {pixels.shape[:2]}, its header says {height} x {width}")
    exif = chunks.get(b"EXIF")
    orientation = UPRIGHT if exif is None else read_exif_orientation(exif)
    names = RGB if pixels.shape[-1] == 3 else (*RGB, ALPHA)
    return Stack(np.moveaxis(pixels, -1, 0), "SYX", names, orientation=orientation, lossy=lossy)


def _read_chunks(data: bytes) -> dict[bytes, bytes]:
    (size,) = struct.unpack_from("<I", data, 4)
    if 8 + size > len(data):
        raise ValueError("the file ends within its pixels")
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= 8 + size:
        name, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > len(data):
            raise ValueError("the file ends within its pixels")
        found.setdefault(name, data[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    return found


def _read_size(chunks: dict[bytes, bytes]) -> tuple[int, int, bool]:
    """Return height, width, and whether the compression is lossy."""
    if b"VP8L" in chunks:
        (bits,) = struct.unpack_from("<I", chunks[b"VP8L"], 1)
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1, False
    if b"VP8 " in chunks:
        width, height = struct.unpack_from("<HH", chunks[b"VP8 "], 6)
        return height & 0x3FFF, width & 0x3FFF, True
    raise ValueError("no pixels")
