"""Outputs that are no files: pipes, devices, and descriptors such as /dev/stdout that a shell has opened.

They cannot be replaced by a finished file, so the finished content is written to them.
"""

import errno
import os
import shutil
import stat
import sys
import time
from pathlib import Path

_MAX_LINKS = 40  # as in Linux
_WAIT_FOR_READER = 15.0  # seconds

_opened: dict[Path, int] = {}  # descriptors of streams that were opened before the work


def is_stream(path: Path) -> bool:
    """Return whether a path leads to a pipe, a device or an open descriptor.

    Raises OSError for a path that the system refuses.
    """
    if _descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def open_stream(path: Path) -> None:
    """Open a stream before long work begins, as a shell does, and keep it open for `copy_to_stream`.

    Raises OSError if it cannot be written to, or no program opens a named pipe for reading within 15 seconds.
    """
    if path not in _opened and _descriptor(path) is None:
        _opened[path] = _open(path)


def copy_to_stream(file: Path, stream: Path) -> None:
    """Write the content of a file to a stream, and close the stream."""
    number = _descriptor(stream)
    if number is not None:
        for own in (sys.stdout, sys.stderr):  # what was printed before comes first
            if own is not None:
                own.flush()
        descriptor = os.dup(
            number
        )  # opening /dev/stdout again would truncate a file that it is redirected to
    else:
        descriptor = _opened.pop(stream) if stream in _opened else _open(stream)
    with file.open("rb") as source, os.fdopen(descriptor, "wb") as target:
        shutil.copyfileobj(source, target)


def _open(path: Path) -> int:
    """Open a pipe or device for writing. Without its reader, opening a pipe would wait for ever."""
    end = time.monotonic() + _WAIT_FOR_READER
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            if error.errno != errno.ENXIO or not path.is_fifo():
                raise
            if time.monotonic() > end:
                raise OSError(error.errno, "no program reads from this pipe") from error
            time.sleep(0.1)
        else:
            os.set_blocking(descriptor, True)
            return descriptor


def _descriptor(path: Path) -> int | None:
    """Return the number of the open descriptor that a path such as /dev/stdout or /dev/fd/63 stands for."""
    if os.name != "posix":
        return None
    places = {"/dev/fd", f"/proc/{os.getpid()}/fd"}
    for _ in range(_MAX_LINKS):
        if path.name.isdecimal() and os.path.realpath(path.parent) in places:
            return int(path.name)
        try:
            path = path.parent / path.readlink()
        except OSError:  # not a link
            return None
    return None
