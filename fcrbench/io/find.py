"""Which image files are in a folder."""

import os
from pathlib import Path

from fcrbench.errors import DataError

IMAGE_SUFFIXES = (".png", ".tif", ".tiff")


def find_images(folder: str | os.PathLike[str]) -> dict[str, Path]:
    """The PNG and TIFF files directly inside `folder`, by stem, in sorted order of the stems.

    Suffixes are compared without regard to case; hidden files (a leading dot, as macOS leaves behind) and
    subfolders are skipped. Raises DataError when the folder is missing or two files share a stem, since
    image and mask are paired by it.
    """
    folder = Path(folder)
    try:
        entries = sorted(folder.iterdir())
    except FileNotFoundError:
        raise DataError(f"{folder}: no such folder") from None
    except NotADirectoryError:
        raise DataError(f"{folder}: is a file, expected a folder of PNG or TIFF images") from None
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
