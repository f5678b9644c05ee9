"""Bad image files, and unusual ones that are valid."""

import struct

import numpy as np
import tifffile
from PIL import Image

SHAPE = (60, 70)


def field() -> np.ndarray:
    """Return an 8-bit image of bright disks on a dim background."""
    y, x = np.indices(SHAPE)
    disks = [(y - cy) ** 2 + (x - cx) ** 2 < 81 for cy in (15, 42) for cx in (15, 40)]
    return np.where(np.any(disks, axis=0), 200, 20).astype(np.uint8)


def huge_tiff(side: int = 1_000_000) -> bytes:
    """Return a TIFF of 200 bytes that claims side x side pixels in one strip."""
    tags = [
        (256, 4, 1, side),
        (257, 4, 1, side),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 150),
        (277, 3, 1, 1),
        (278, 4, 1, side),
        (279, 4, 1, 50),
    ]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    header = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"
    return header.ljust(200, b"\0")


def write_bad_images(folder) -> dict[str, str]:
    """Write bad files and return by file name what the error about each says."""
    folder.mkdir(parents=True, exist_ok=True)
    image = field()
    tifffile.imwrite(folder / "whole.tif", image)
    Image.fromarray(image).save(folder / "whole.png")
    for name, cut in {"whole.tif": "cut.tif", "whole.png": "half.png"}.items():
        data = (folder / name).read_bytes()
        (folder / cut).write_bytes(data[: len(data) // 2])
        (folder / name).unlink()
    (folder / "zero.tif").touch()
    (folder / "none.png").touch()
    (folder / "text.tif").write_text("no image at all")
    (folder / "page.tif").write_text("<!DOCTYPE html><html>404 Not Found</html>")
    Image.fromarray(image).save(folder / "picture.jpg")
    picture = (folder / "picture.jpg").read_bytes()
    (folder / "picture.jpg").write_bytes(picture[: len(picture) // 2])
    (folder / "huge.tif").write_bytes(huge_tiff())
    tifffile.imwrite(folder / "nan.tif", np.where(image > 100, np.nan, image).astype(np.float32))
    tifffile.imwrite(folder / "pages.tif", np.stack([image, image[::-1]]), photometric="minisblack")
    tifffile.imwrite(folder / "complex.tif", image.astype(np.complex64))
    palette = Image.fromarray(image).convert("P")
    palette.putpalette([c for k in range(256) for c in (k, 255 - k, 7)])
    palette.save(folder / "palette.png")
    return {
        "cut.tif": "truncated or damaged",
        "half.png": "truncated or damaged",
        "zero.tif": "empty (0 bytes)",
        "none.png": "empty (0 bytes)",
        "text.tif": "a text file, not PNG",
        "page.tif": "a web page (HTML), not an image; a failed download?",
        "picture.jpg": "truncated or damaged",
        "huge.tif": "claims 1,000,000,000,000 bytes",
        "nan.tif": "NaN or infinite",
        "pages.tif": "2 pages that differ",
        "complex.tif": "complex64",
        "palette.png": "3 channels (0 red, 1 green, 2 blue), expected one",
    }


def write_odd_images(folder) -> list[str]:
    """Write unusual but valid files and return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    before = set(folder.iterdir())
    image = field()
    tifffile.imwrite(folder / "one-pixel.tif", image[:1, :1])
    tifffile.imwrite(folder / "all-zero.tif", 0 * image)
    tifffile.imwrite(folder / "saturated.tif", np.full(SHAPE, 65535, np.uint16))
    tifffile.imwrite(folder / "big-endian.tif", image.astype(">u2"), byteorder=">")
    tifffile.imwrite(folder / "float.tif", (image / 255).astype(np.float32))
    tifffile.imwrite(folder / "signed.tif", image.astype(np.int16) - 100)
    tifffile.imwrite(folder / "equal-pages.tif", np.stack([image, image]), photometric="minisblack")
    tifffile.imwrite(folder / "narrow.tif", image[:, :1])
    gray = Image.fromarray(image).convert("P")
    gray.putpalette([c for k in range(256) for c in (k, k, k)])
    gray.save(folder / "gray-palette.png")
    return sorted(path.name for path in set(folder.iterdir()) - before)
