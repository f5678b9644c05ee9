"""Finds the images in a folder, and in the folders below it."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from fcrbench.errors import DataError
from fcrbench.io.bio import hint_to_install, readable_suffixes
from fcrbench.io.names import IMAGE_SUFFIXES, ZARR_SUFFIX, file_name_of, split_name
from fcrbench.io.zarr_folder import is_zarr
from fcrbench.text import name_key, printable

# What programs and systems put beside images, and nobody takes for an image.
_SYSTEM = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"))
_COMPANIONS = (
    *(".csv", ".tsv", ".txt", ".log", ".md", ".rst", ".json", ".geojson", ".xml", ".yaml", ".yml", ".toml"),
    *(".ini", ".cfg", ".html", ".htm", ".pdf", ".doc", ".docx", ".odt", ".xls", ".xlsx", ".ods", ".pptx"),
    *(".parquet", ".pkl", ".db", ".sqlite", ".md5", ".sha256", ".part", ".safetensors", ".pth", ".ckpt"),
    *(".py", ".ipynb", ".r", ".m", ".ijm", ".groovy", ".sh", ".bat", ".cppipe", ".cpproj", ".ilp"),
)
_COMPANION_ENDINGS = ("_seg.npy", "_rois.zip")  # of Cellpose, beside its masks
_MOST_KINDS = 6  # of files that were left out, in one line


class Entry(NamedTuple):
    """An image: its name, which is the path below the folder without the suffix, with "/"; and its path."""

    name: str
    path: Path

    @property
    def file_name(self) -> str:
        """The path of the file below the folder, with "/"."""
        return file_name_of(self.name, self.path)


@dataclass(frozen=True)
class Listing:
    """The images that were found in a folder, sorted by name.

    left_out  the other files by kind, as the message names it; "(s)" in it is for several
    """

    folder: Path
    entries: tuple[Entry, ...]
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def without(self, dropped: dict[Path, str]) -> "Listing":
        """Return the listing without some images. `dropped` gives the kind of each, "" to leave it unsaid."""
        left_out = {kind: list(names) for kind, names in self.left_out.items()}
        for entry in self.entries:
            if dropped.get(entry.path):
                left_out.setdefault(dropped[entry.path], []).append(entry.file_name)
        kept = tuple(entry for entry in self.entries if entry.path not in dropped)
        return replace(self, entries=kept, left_out=left_out)

    def by_name(self) -> dict[str, Path]:
        """Return the images by name. Raise DataError if two have the same name."""
        found: dict[str, Entry] = {}
        for entry in self.entries:
            first = found.setdefault(name_key(entry.name), entry)
            if first is not entry:
                raise same_name_error(self.folder, first, entry)
        return {entry.name: entry.path for entry in self.entries}

    def describe_left_out(self) -> str:
        """Return one line about the files that were left out, or "" if there are none."""
        kinds = [
            f"{len(names)} {kind.replace('(s)', 's' * (len(names) > 1))} "
            f"({printable(names[0])}{', ...' * (len(names) > 1)})"
            for kind, names in sorted(self.left_out.items(), key=lambda item: -len(item[1]))
        ]
        if len(kinds) > _MOST_KINDS:
            kinds = [*kinds[: _MOST_KINDS - 1], f"files of {len(kinds) - _MOST_KINDS + 1} other kinds"]
        return f"{self.folder}: left out {', '.join(kinds)}{hint_to_install(self.left_out)}" if kinds else ""


def same_name_error(folder: Path, first: Entry, second: Entry) -> DataError:
    """Return the error about two files of one name."""
    both = f"{folder}: {printable(first.file_name)} and {printable(second.file_name)}"
    if first.name == second.name:
        return DataError(f"{both} share the stem {printable(first.name)!r}, expected one image of each stem")
    return DataError(
        f"{both} have the same name, whose accents are encoded in two ways (NFC and NFD); "
        "expected one image of each name"
    )


def find_images(folder: str | os.PathLike[str], *, recursive: bool = False) -> dict[str, Path]:
    """Return the image files and Zarr folders in `folder` by name, sorted by name.

    The name is that of the file without its suffix (IMAGE_SUFFIXES, in any case; "a.ome.tif" is "a"). With
    `recursive` also the folders below are searched, and the name is the path below `folder`, with "/":
    "well_B02/f". Hidden files and folders are skipped. Raises DataError if the folder is missing or two files
    have the same name, because images and masks are paired by their names.
    """
    return list_images(folder, recursive=recursive).by_name()


def list_images(
    folder: str | os.PathLike[str],
    *,
    recursive: bool = False,
    suffixes: Sequence[str] | None = None,
    skip: Sequence[Path] = (),
) -> Listing:
    """List the images in a folder like `find_images`, and what was left out.

    suffixes  of the files that are images, in lower case; None for all images that can be read here
    skip      folders below `folder` that are not searched

    A folder is searched once, even if links lead to it again. Raises DataError if `folder` cannot be listed.
    """
    top = Path(folder)
    seen = {_identity(path) for path in skip}
    scanned = _Scan(
        (*IMAGE_SUFFIXES, *readable_suffixes()) if suffixes is None else tuple(suffixes), recursive
    )
    later: list[tuple[str, Path]] = []  # links wait, so that a folder is found by its own path first
    waiting = [("", top)]
    while waiting or later:
        prefix, path = waiting.pop() if waiting else later.pop(0)
        identity = _identity(path)
        if identity in seen:
            continue
        seen.add(identity)
        try:
            for name, is_link in scanned.folder(prefix, path):
                (later if is_link else waiting).append((f"{prefix}{name}/", path / name))
        except OSError as error:
            if path == top:
                raise _cannot_list(top, error) from error
            scanned.leave_out("folder(s) that cannot be read", prefix)
    entries = sorted(scanned.entries, key=lambda entry: (entry.name, entry.path.name))
    return Listing(top, tuple(entries), {kind: sorted(names) for kind, names in scanned.left_out.items()})


class _Scan:
    """Collects what is found in one folder after the other."""

    def __init__(self, suffixes: tuple[str, ...], recursive: bool) -> None:
        self.suffixes, self.recursive = suffixes, recursive
        self.entries: list[Entry] = []
        self.left_out: dict[str, list[str]] = {}

    def leave_out(self, kind: str, name: str) -> None:
        self.left_out.setdefault(kind, []).append(name)

    def folder(self, prefix: str, path: Path) -> Iterator[tuple[str, bool]]:
        """Take the images of one folder. Yield the folders in it, and whether each is a link."""
        with os.scandir(path) as found:
            for item in found:
                name = item.name
                if name.startswith(".") or name.lower() in _SYSTEM:
                    continue
                if not _is_dir(item):
                    self.file(prefix, path, item)
                elif name.lower().endswith(ZARR_SUFFIX) or is_zarr(item.path):
                    stem, _ = split_name(name, is_folder=True)
                    self.entries.append(Entry(prefix + stem, path / name))
                elif self.recursive:
                    yield name, item.is_symlink()

    def file(self, prefix: str, folder: Path, item: os.DirEntry[str]) -> None:
        dot = item.name.rfind(".")
        suffix = item.name[dot:].lower() if dot > 0 else ""
        if suffix not in self.suffixes:
            if suffix not in _COMPANIONS and not item.name.endswith(_COMPANION_ENDINGS):
                kind = printable(suffix) if suffix else "file(s) without a suffix"
                self.leave_out(kind, prefix + item.name)
        elif _is_special(item):
            self.leave_out("pipe(s) or device(s)", prefix + item.name)
        else:
            stem, _ = split_name(item.name)
            self.entries.append(Entry(prefix + stem, folder / item.name))


def _is_dir(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_special(item: os.DirEntry[str]) -> bool:
    """Return whether reading a file would wait for another program. A broken link is none."""
    try:
        return not item.is_file() and Path(item.path).exists()
    except OSError:
        return False


def _identity(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return path
    return status.st_dev, status.st_ino


def _cannot_list(folder: Path, error: OSError) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError(f"{folder}: no such folder")
    if isinstance(error, NotADirectoryError):
        return DataError(f"{folder}: expected a folder of images, found a file")
    return DataError(f"{folder}: cannot list the folder: {error.strerror or error}")
