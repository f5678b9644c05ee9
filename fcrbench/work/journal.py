"""Keeps the results of a long job on the disk, line by line, so that a killed job can be resumed."""

import json
import logging
import time
from pathlib import Path
from typing import Any, TextIO

from fcrbench.errors import DataError, FcrbenchError, WriteError
from fcrbench.work.atomic import remove_abandoned

log = logging.getLogger(__name__)
_FLUSH = 1.0  # seconds


class Journal:
    """A file with one JSON line per result, after a first line that identifies the job.

    A line that was truncated when the job was killed is ignored when the job is resumed.
    """

    def __init__(self, path: Path, identity: dict[str, Any]) -> None:
        self.path, self.identity = path, identity
        self._file: TextIO | None = None
        self._flushed = time.monotonic()

    def open(self, resume: bool) -> dict[str, Any]:
        """Start a new journal, or continue an existing one with `resume`. Return the results in it.

        Raises DataError if the file belongs to another job, and FcrbenchError if it cannot be written or
        another process is writing to it.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+", encoding="utf-8")
            if not _lock(self._file):
                self._file.close()
                self._file = None
                raise FcrbenchError(f"{self.path}: another process is working on this job")
            if resume:
                remove_abandoned(self.path.parent)
            kept = self._read(self._file) if resume else {}
            if not kept:
                self._file.truncate(0)
                self._write(self.identity)
            self._file.flush()
        except OSError as error:
            raise WriteError(self.path, error) from error
        return kept

    def _read(self, file: TextIO) -> dict[str, Any]:
        file.seek(0)
        text = file.read()
        whole = text[: text.rfind("\n") + 1]
        file.truncate(len(whole.encode()))
        try:
            values = [json.loads(line) for line in whole.splitlines()]
        except ValueError as error:
            raise DataError(f"{self.path}: cannot resume from this file: {error}") from error
        if not values:
            return {}
        if values[0] != self.identity:
            raise DataError(f"{self.path} belongs to another job ({values[0]}); remove it to start again")
        return dict(values[1:])

    def add(self, name: str, result: Any) -> None:
        try:
            self._write([name, result])
            now = time.monotonic()
            if now - self._flushed > _FLUSH and self._file is not None:
                self._flushed = now
                self._file.flush()
        except OSError as error:
            raise WriteError(self.path, error) from error

    def _write(self, value: Any) -> None:
        if self._file is not None:
            self._file.write(json.dumps(value) + "\n")

    def close(self) -> None:
        """Close the file. All added results are on the disk afterwards."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.close()
            except OSError as error:
                raise WriteError(self.path, error) from error

    def remove(self) -> None:
        """Remove the file after the job is done."""
        self.path.unlink(missing_ok=True)


def _lock(file: TextIO) -> bool:
    """Lock the file for this process until it closes the file or dies. Return whether that was possible."""
    try:
        import fcntl
    except ModuleNotFoundError:  # not on Windows
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:  # Lustre without -o flock, NFS without its lock service, some FUSE disks
        log.info(
            "%s: the disk has no file locks (%s); do not start this job twice at the same time",
            file.name,
            error.strerror or error,
        )
    return True
