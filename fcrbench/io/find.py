"""Finds the image files in a folder."""

import os
from pathlib import Path

from fcrbench.errors import DataError

IMAGE_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".jp2", ".j2k", ".jpx", ".jpf", ".bmp", ".webp")


def find_images(folder: str | os.PathLike[str]) -> dict[str, Path]:
    """Return the image files directly inside `folder` by stem, sorted by stem.

    The case of suffixes is ignored. Hidden files (with a leading dot, as macOS creates them) and subfolders
    are skipped. Raises DataError if the folder is missing or two files have the same stem, because images and
    masks are paired by their stems.
    """
    folder = Path(folder)
    try:
        entries = sorted(folder.iterdir())
    except FileNotFoundError:
        raise DataError(f"{folder}: no such folder") from None
    except NotADirectoryError:
        raise DataError(f"{folder}: expected a folder of images, found a file") from None
    except OSError as error:
        raise DataError(f"{folder}: cannot list the folder: {error.strerror or error}") from error
    found: dict[str, Path] = {}
    for path in entries:
        if path.name.startswith(".") or path.suffix.lower() not in IMAGE_SUFFIXES or path.is_dir():
            continue
        if path.stem in found:
            raise DataError(
                f"{folder}: {found[path.stem].name} and {path.name} share the stem {path.stem!r}, "
                "expected one image of each stem"
            )
        found[path.stem] = path
    return dict(sorted(found.items()))
