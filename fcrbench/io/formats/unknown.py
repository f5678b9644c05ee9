"""Says what a file is that cannot be read, and what helps."""

import os
from pathlib import Path

from fcrbench.io.bio import PLUGINS, explain_install

_READABLE = "PNG, TIFF, JPEG, JPEG 2000, BMP, WebP or OME-Zarr"
_CONVERT = "convert it to TIFF or PNG"
# What files begin with, what they are, and what to do.
_MAGICS: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "a PDF document", "export the images as TIFF or PNG"),
    (b"PK\3\4", "a ZIP archive", "unpack it first"),
    (b"PK\5\6", "an empty ZIP archive", ""),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"BZh", "a bzip2 archive", "unpack it first"),
    (b"\xfd7zXZ\0", "an xz archive", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"version https://git-lfs", "a pointer of Git LFS", "fetch the file itself with git lfs pull"),
    (b"GIF8", "a GIF file", _CONVERT),
    (b"\x93NUMPY", "a NumPy array", "save it as TIFF, or use it in Python"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _CONVERT),
    (b"8BPS", "a Photoshop file", _CONVERT),
    (b"\xff\x0a", "a JPEG XL file", _CONVERT),
    (b"\0\0\0\x0cJXL ", "a JPEG XL file", _CONVERT),
    (b"II\xbc\x01", "a JPEG XR file", _CONVERT),
    (b"IIRO", "an Olympus raw file", _CONVERT),
    (b"SIMPLE  =", "a FITS file", _CONVERT),
    (b"NRRD", "an NRRD file", _CONVERT),
    (b"P4", "a PBM image", _CONVERT),
    (b"P5", "a PGM image", _CONVERT),
    (b"P6", "a PPM image", _CONVERT),
    (b"\x7fELF", "a program", ""),
)
_LEADING = 512  # bytes that are looked at


def describe_content(data: bytes, path: str | os.PathLike[str]) -> str:
    """Return what a file of an unknown format is, with what helps, for an error message.

    data  the file, or at least its first 512 bytes
    path  name of the file; its suffix says which reader may be missing
    """
    suffix = Path(path).suffix.lower()
    if suffix in PLUGINS:
        return explain_install(suffix)
    head = data[:_LEADING]
    for magic, name, what_to_do in _MAGICS:
        if head.startswith(magic):
            return f"{name}, not {_READABLE}" + (f"; {what_to_do}" if what_to_do else "")
    for magic, known in BY_CONTENT:
        if head.startswith(magic):
            return explain_install(known)
    if head[4:8] == b"ftyp":
        return f"a HEIF, AVIF or video file, not {_READABLE}; {_CONVERT}"
    if head[128:132] == b"DICM":
        return f"a DICOM file, not {_READABLE}; {_CONVERT}"
    if not any(head):
        return f"only zero bytes where the file begins, expected {_READABLE}; a failed copy or download?"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head")):
        return "a web page (HTML), not an image; a failed download?"
    if text.startswith(b"<?xml") or text.startswith(b"<"):
        return f"an XML file, not {_READABLE}"
    if _is_text(head):
        return f"a text file, not {_READABLE}; a failed download?"
    return f"not {_READABLE}; the file begins with the bytes {head[:8].hex(' ')}"


# Formats of microscopes, with a suffix of `PLUGINS`.
BY_CONTENT: tuple[tuple[bytes, str], ...] = (
    (b"ZISRAWFILE", ".czi"),
    (b"\xda\xce\xbe\x0a", ".nd2"),
    (b"\x70\0\0\0", ".lif"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".oib"),
)


def _is_text(head: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\r\n" for byte in head)
