"""Finds weights by name, run directory or file, and reads their header. Imports nothing heavy."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fcrbench.errors import DataError, UsageError
from fcrbench.io.choice import ANY, Choice
from fcrbench.text import find_path

__all__ = ["DEFAULT", "FORMAT", "Header", "absolute", "read_header", "resolve", "sha256"]

DEFAULT = "default"  # the weights that come with the package
FORMAT = "fcrbench"  # the value of "format" in the header of our files


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Header:
    """The header of a weights file: the name of the method, and all its options as plain values.

    `choice` is the channel and plane of the images on which the weights were trained.
    """

    method: str
    options: dict[str, Any]
    choice: Choice = ANY


def resolve(weights: str | os.PathLike[str]) -> Path:
    """Return the weights file for "default", a run directory (its weights/last.safetensors), or a file.

    For a folder that is named "default" write ./default. Raises DataError if there is no such file.
    """
    if str(weights) == DEFAULT:
        return Path(__file__).with_name(f"{DEFAULT}.safetensors")
    path = find_path(os.fspath(weights))
    if path.is_dir():
        found = path / "weights" / "last.safetensors"
        if not found.is_file():
            raise DataError(f"{path} holds no weights/last.safetensors: not a finished run")
        return found
    if not path.is_file():
        raise DataError(f"no weights at {path}; expected a .safetensors file, a run directory or {DEFAULT}")
    return path


def absolute(weights: str) -> str:
    """Return weights as an absolute path, which is valid in any working directory; "default" stays."""
    return weights if weights == DEFAULT else str(find_path(weights).resolve())


def read_header(path: Path) -> Header:
    """Read method and options of a weights file. Raises DataError if the file is not one of fcrbench."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise DataError(f"no weights at {path}")
    try:
        with openable(path) as place, safe_open(place, framework="numpy") as file:
            found = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path} is not a readable safetensors file: {error}") from error
    if found.get("format") != FORMAT:
        raise DataError(f"{path} holds no fcrbench weights: its header names no method")
    try:
        method, options = found["method"], json.loads(found["options"])
        choice = Choice(**json.loads(found.get("choice", "{}")), remembered=True)
    except (KeyError, ValueError, TypeError, RecursionError, UsageError):
        method, options, choice = "", None, ANY
    if not method or not isinstance(options, dict):
        raise DataError(f"{path} is damaged: its header does not hold a method and its options")
    return Header(method, options, choice)


@contextmanager
def openable(path: Path) -> Iterator[Path]:
    """Yield a path to the same file that safetensors can open, which are those in UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with TemporaryDirectory() as folder:
            link = Path(folder, "weights.safetensors")
            link.symlink_to(path.resolve())
            yield link
    else:
        yield path


def sha256(path: Path) -> str:
    """Return the SHA-256 hash of a file as lower-case hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
