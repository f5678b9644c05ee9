"""Unpacking an archive from the internet: only inside its folder, and whole or not at all."""

import shutil
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from fcrbench.errors import DataError, FcrbenchError


def unpack(archive: Path, folder: Path) -> None:
    """Unzip `archive` so that `folder` holds its files and appears only when all of them are written.

    When everything in the archive lies in one top folder of that name, the level is dropped. What macOS adds
    (__MACOSX, files with a leading dot) is left out. Raises DataError for a damaged archive or a member
    that would land outside or is a link, FcrbenchError when the disk refuses; `folder` is then not there.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as name:
            with zipfile.ZipFile(archive) as opened:
                members = [member for member in opened.infolist() if _wanted(member, archive)]
                if not members:
                    raise DataError(f"{archive}: no file in it")
                _check_room(sum(member.file_size for member in members), folder)
                unpacked = Path(name) / "files"  # below the private folder, so with ordinary permissions
                for member in members:
                    opened.extract(member, unpacked)
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
            inner = unpacked / folder.name
            if list(unpacked.iterdir()) == [inner] and inner.is_dir():
                unpacked = inner
            unpacked.replace(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{archive}: not a readable zip archive ({error})") from error
    except OSError as error:
        raise FcrbenchError(f"cannot unpack {archive} to {folder}: {error.strerror or error}") from error


def _wanted(member: zipfile.ZipInfo, archive: Path) -> bool:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in member.filename:
        raise DataError(f"{archive}: member {member.filename!r} points outside the archive, nothing unpacked")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise DataError(f"{archive}: member {member.filename!r} is a link, nothing unpacked")
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return not (member.is_dir() or hidden)


def _check_room(needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder.parent).free
    if needed > free:
        raise FcrbenchError(f"cannot unpack to {folder}: {needed:,} bytes needed, {free:,} free on the disk")
