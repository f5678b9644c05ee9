"""Decodes JPEG files.

libjpeg decodes a file that is cut off to an image with a gray rest, and only warns. The markers are therefore
checked before it, and afterwards whether the pixels use all of the compressed data.
"""

import struct
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from fcrbench.io.formats.exif import read_exif_orientation
from fcrbench.io.memory_claim import check_memory_claim
from fcrbench.io.orientation import UPRIGHT
from fcrbench.io.stack import RGB, Stack

MAGIC = b"\xff\xd8\xff"
_SOI, _EOI, _SOS, _DNL, _DRI, _APP1, _TEM = 0xD8, 0xD9, 0xDA, 0xDC, 0xDD, 0xE1, 0x01
_RESTARTS = range(0xD0, 0xD8)
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA}  # baseline, extended, progressive, lossless; arithmetic coding
_OTHER_FRAMES = {0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF}
_LOSSLESS = 0xC3
_ARITHMETIC = {0xC9, 0xCA}
_MAX_PIXELS_PER_BYTE = 1024  # a block of 64 pixels takes at least one bit
_MAX_SCANS = 500  # a progressive file has about ten; each scan costs the time of the whole image
_FILLER = b"\x55\x2a\x99\x0f" * 16  # bits that change pixels if a decoder still needs data where they stand


@dataclass
class _Markers:
    """What the markers of a file say, and where the compressed data of its scans end."""

    frame: int = 0
    precision: int = 0
    height: int = 0
    width: int = 0
    samples: int = 0
    orientation: int = UPRIGHT
    scan_ends: list[int] = field(default_factory=list)
    end: int = 0


def decode_jpeg(data: bytes, indexed: bool) -> Stack:
    """Return pixels (H, W) or (S, H, W), see `decode.decode`. Raise ValueError if damaged."""
    import imagecodecs

    found = _read_markers(data)
    if found.samples not in (1, 3):
        colours = "CMYK colours" if found.samples == 4 else f"{found.samples} samples"
        raise ValueError(f"{colours}, expected gray or red, green and blue; convert the file first")
    size = found.height * found.width * found.samples * (2 if found.precision > 8 else 1)
    check_memory_claim(size, size, len(data))
    if found.frame not in _ARITHMETIC and found.height * found.width > _MAX_PIXELS_PER_BYTE * len(data):
        raise ValueError(f"a file of {len(data):,} bytes that claims {found.height} x {found.width} pixels")
    data = data[: found.end]
    pixels: np.ndarray = imagecodecs.jpeg8_decode(data)
    if pixels.shape[:2] != (found.height, found.width):
        raise ValueError(f"an image of shape {pixels.shape[:2]}, its header says otherwise")
    if found.frame not in _ARITHMETIC and not np.array_equal(
        pixels, imagecodecs.jpeg8_decode(_with_filler(data, found.scan_ends))
    ):
        raise ValueError("the file ends within its pixels")
    lossy = found.frame != _LOSSLESS
    if pixels.ndim == 2:
        return Stack(pixels, orientation=found.orientation, lossy=lossy)
    return Stack(np.moveaxis(pixels, -1, 0), "SYX", RGB, orientation=found.orientation, lossy=lossy)


def _with_filler(data: bytes, ends: list[int]) -> bytes:
    """Return the file with bytes behind the compressed data of each scan, where no decoder needs them."""
    bounds = [0, *ends]
    parts = [part for a, b in pairwise(bounds) for part in (data[a:b], _FILLER)]
    return b"".join([*parts, data[ends[-1] :]])


def _read_markers(data: bytes) -> _Markers:
    """Walk over the segments. Raise ValueError if the file ends before its last marker."""
    found = _Markers()
    at = 2
    while True:
        at = data.find(b"\xff", at)
        while data[at : at + 2] == b"\xff\xff":  # fill bytes
            at += 1
        if at < 0 or at + 2 > len(data):
            raise ValueError("the file ends within its pixels")
        marker = data[at + 1]
        at += 2
        if marker == _EOI:
            break
        if marker in (0, _SOI, _TEM) or marker in _RESTARTS:
            continue
        (length,) = struct.unpack_from(">H", data, at)
        if length < 2 or at + length > len(data):
            raise ValueError("the file ends within its header")
        _read_segment(found, marker, data[at + 2 : at + length])
        at += length
        if marker == _SOS:
            at = _find_scan_end(data, at)
            found.scan_ends.append(at)
            if len(found.scan_ends) > _MAX_SCANS:
                raise ValueError(f"more than {_MAX_SCANS} scans")
    if not found.frame or not found.scan_ends:
        raise ValueError("no pixels")
    found.end = at
    return found


def _read_segment(found: _Markers, marker: int, content: bytes) -> None:
    if marker in _FRAMES:
        if found.frame:
            raise ValueError("two images in one file")
        found.frame = marker
        found.precision, found.height, found.width, found.samples = struct.unpack_from(">BHHB", content)
        if min(found.height, found.width) == 0:
            raise ValueError(f"an image of {found.height} x {found.width} pixels")
    elif marker in _OTHER_FRAMES or marker == _DNL:
        raise ValueError(f"a kind of JPEG (marker {marker:02X}) that is not supported")
    elif marker == _APP1 and content.startswith(b"Exif\0\0"):
        found.orientation = read_exif_orientation(content)


def _find_scan_end(data: bytes, at: int) -> int:
    """Return where the marker after the compressed data that start at `at` stands."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise ValueError("the file ends within its pixels")
        following = data[at + 1]
        if following not in (0, 0xFF) and following not in _RESTARTS:
            return at
        at += 1 if following == 0xFF else 2
