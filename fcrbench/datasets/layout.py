"""Finding the folders of a data set, as archives and people leave them."""

import os
from pathlib import Path

from fcrbench.errors import DataError
from fcrbench.text import find_path


def existing_folder(root: str | os.PathLike[str]) -> Path:
    """`root` as a Path; DataError when it is not a folder."""
    path = find_path(os.fspath(root))
    if not path.is_dir():
        raise DataError(f"{path}: " + ("is a file, expected a folder" if path.exists() else "no such folder"))
    return path


def unnested(folder: Path) -> Path:
    """`folder`, or the folder of the same name inside it, which some unzip tools leave."""
    inner = folder / folder.name
    return inner if inner.is_dir() else folder
