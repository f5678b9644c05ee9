"""Reads the orientation of an image from its Exif data."""

import struct

from fcrbench.io.orientation import UPRIGHT

_ORIENTATION, _SHORT = 274, 3
_TURNS = range(1, 9)


def read_exif_orientation(exif: bytes) -> int:
    """Return the Orientation tag, 1 to 8; 1, upright, if it is missing, has no meaning or is damaged.

    exif  a TIFF header and its directories, with or without the prefix "Exif"
    """
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return UPRIGHT
    try:
        (at,) = struct.unpack_from(order + "I", exif, 4)
        (n,) = struct.unpack_from(order + "H", exif, at)
        for k in range(n):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", exif, at + 2 + 12 * k)
            if (tag, kind) == (_ORIENTATION, _SHORT):
                return value if value in _TURNS else UPRIGHT
    except struct.error:
        pass
    return UPRIGHT
