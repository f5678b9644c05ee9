"""Writes files atomically: a file is complete or not there at all."""

import hashlib
import json
import math
import os
import platform
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from fcrbench.errors import FcrbenchError, WriteError
from fcrbench.text import ERRORS, to_unicode
from fcrbench.work.csv_file import append_csv
from fcrbench.work.streams import copy_to_stream, is_stream

if TYPE_CHECKING:
    import pandas as pd

_PROBE_BYTES = 4096  # a full disk often has room for an empty file
_TEMPORARY = re.compile(r"\..*-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}(\.[^.]*)?", re.DOTALL)


def temporary_name(path: Path) -> Path:
    """Return an unused hidden path beside `path` with the same suffix. The name contains the process id."""
    return (
        path.parent / f".{path.stem[:40]}-{_machine_id()}-{os.getpid()}-{secrets.token_hex(4)}{path.suffix}"
    )


def remove_abandoned(folder: str | os.PathLike[str]) -> None:
    """Remove temporary files in a folder whose processes no longer run, because a killed one cannot clean up.

    Only processes of this machine can be checked, so files of other machines are left.
    """
    if os.name != "posix":  # other systems have no such check
        return
    with suppress(OSError):
        for path in Path(folder).iterdir():
            found = _TEMPORARY.fullmatch(path.name)
            if found is None or found[1] != _machine_id() or _is_running(int(found[2])):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # the process exists but belongs to another user
        return True
    return True


@cache
def _machine_id() -> str:
    """Return eight characters that identify this machine, or this container, to which process ids belong."""
    try:
        numbers = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        numbers = ""
    return hashlib.blake2s(f"{platform.node()} {numbers}".encode(), digest_size=4).hexdigest()


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path, whose file replaces `path` when the block ends without an error.

    If the block fails (a full disk, Ctrl-C), the temporary file is removed and an existing `path` is not
    changed. Missing parent folders are created. A replaced file keeps its permissions. If `path` is a link,
    its target is replaced. A pipe or device is not replaced: it receives the content when the block ends.
    Raises WriteError on OSError.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        if is_stream(path):
            with TemporaryDirectory(prefix="fcrbench-") as folder:
                kept = Path(folder, f"stream{path.suffix}")
                kept.touch()
                yield kept
                copy_to_stream(kept, path)
            return
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        # tempfile would make the file private. This way it gets the usual permissions of a new file.
        candidate = temporary_name(target.with_name(path.name))
        candidate.touch(mode=0o666, exist_ok=False)
        temporary = candidate
        yield temporary
        with suppress(FileNotFoundError):
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        temporary.replace(target)
    except OSError as error:
        raise WriteError(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def check_folder(folder: str | os.PathLike[str]) -> None:
    """Create a folder if necessary, and check that a small file can be written there.

    Raises FcrbenchError naming the folder if it cannot, for example because the disk is full.
    """
    folder = Path(folder)
    probe = temporary_name(folder / "probe")
    try:
        try:
            folder.stat()
        except FileNotFoundError:
            Path(os.path.realpath(folder)).mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(bytes(_PROBE_BYTES))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise FcrbenchError(f"cannot write to {folder}: {error.strerror or error}") from error


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` as UTF-8, atomically. Bytes in it that are no text are escaped, see `text`."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors=ERRORS)


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path`, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` to `path` as JSON, atomically. NaN and infinities become null."""
    write_text(path, json.dumps(_as_json(value), indent=2, allow_nan=False) + "\n")


def write_table(path: str | os.PathLike[str], table: "pd.DataFrame") -> None:
    """Write the rows of `table` to `path` as CSV, atomically."""
    with atomic_path(path) as temporary:
        append_csv(temporary, table)


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {_as_json(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    if isinstance(value, str):
        return to_unicode(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
