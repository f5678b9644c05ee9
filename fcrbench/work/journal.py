"""What is done of a long job, line by line on the disk, so that a killed job can go on."""

import json
import time
from pathlib import Path
from typing import Any, TextIO

from fcrbench.errors import DataError, FcrbenchError, WriteError
from fcrbench.work.atomic import remove_abandoned

_FLUSH = 1.0  # seconds


class Journal:
    """Results by name, one JSON line each, after a line that says which job they belong to.

    A line that was cut when the job was killed is left out when the job goes on.
    """

    def __init__(self, path: Path, identity: dict[str, Any]) -> None:
        self.path, self.identity = path, identity
        self._file: TextIO | None = None
        self._flushed = time.monotonic()

    def open(self, resume: bool) -> dict[str, Any]:
        """Begin, or with `resume` go on: returns the results that are there already.

        Raises DataError when those of another job are there, FcrbenchError when the file cannot be written or
        another process writes to it.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+", encoding="utf-8")
            if not _lock(self._file):
                self._file.close()
                self._file = None
                raise FcrbenchError(f"{self.path}: another process is at this job")
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
            raise DataError(f"{self.path}: cannot be resumed from: {error}") from error
        if not values:
            return {}
        if values[0] != self.identity:
            raise DataError(f"{self.path} is of another job ({values[0]}); remove it to start anew")
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
        """What was added is on the disk afterwards."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.close()
            except OSError as error:
                raise WriteError(self.path, error) from error

    def remove(self) -> None:
        """The job is done."""
        self.path.unlink(missing_ok=True)


def _lock(file: TextIO) -> bool:
    """Whether this process alone has the file now, until it closes it or dies."""
    try:
        import fcntl
    except ModuleNotFoundError:  # not on Windows
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
