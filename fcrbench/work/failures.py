"""How all commands treat images that fail.

If an error occurs while one image is read, segmented or written, the others are still finished, and the
failed image is listed by name with the reason. An error that concerns all images stops the command at once.
A disk that is full for one file may have room for the next; a disk that stays full stops the command.
An error that is not an FcrbenchError may be a bug, so its traceback is kept.
"""

import errno
import logging
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

from fcrbench.errors import DataError, FcrbenchError, PartialError, UsageError, WriteError, describe_error
from fcrbench.text import printable, to_unicode
from fcrbench.work.atomic import check_folder, write_table, write_text

T = TypeVar("T")

_MAX_REASONS = 5
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_MAX_FULL = 10  # so many images in a row that do not fit on the disk stop the command
log = logging.getLogger(__name__)


class Failure(NamedTuple):
    """Why one image could not be processed.

    reason        one line that names the image
    trace         the traceback if the error is not an FcrbenchError, else ""
    is_disk_full  whether the image failed because the disk is full
    """

    reason: str
    trace: str = ""
    is_disk_full: bool = False


def attempt(work: Callable[[], T], name: str, *others: str) -> T | Failure:
    """Call `work` for one image. Return its result, or a Failure if it raises an error.

    name    name of the image; it is put before a reason that contains neither it nor one of `others`

    Errors that concern every image are raised: wrong usage, a package that is not installed, a folder that
    takes not even a small file. So is anything that is not an Exception, such as Ctrl-C.
    """
    try:
        return work()
    except Exception as error:
        if _concerns_all(error):
            raise
        is_disk_full = any(
            isinstance(cause, OSError) and cause.errno in _DISK_FULL for cause in _causes(error)
        )
        expected = isinstance(error, FcrbenchError) or is_disk_full
        reason = describe_error(error)
        if not any(printable(known) in reason for known in (name, *others)):
            reason = f"{printable(name)}: {reason}"
        return Failure(reason, "" if expected else traceback.format_exc(), is_disk_full)


def _concerns_all(error: Exception) -> bool:
    if isinstance(error, UsageError | ImportError):
        return True
    if isinstance(error, WriteError):  # only this file may be bad, or no file can be written at all
        try:
            check_folder(error.path.parent)
        except FcrbenchError:
            return True
    return False


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


@dataclass
class Failures:
    """Failures by image, in the order in which they occurred.

    path  CSV file for all of them, because the error message shows only the first few. Tracebacks are written
          beside it to a file with the suffix .log, or to the log if there is no path
    """

    path: Path | None = None
    found: dict[str, Failure] = field(default_factory=dict)
    _full: int = 0  # images in a row that did not fit on the disk

    @property
    def reasons(self) -> dict[str, str]:
        return {name: failure.reason for name, failure in self.found.items()}

    def add(self, name: str, failure: Failure, strict: bool = False) -> None:
        """Record a failure. With `strict`, write its traceback and raise DataError instead.

        Raises FcrbenchError if so many images in a row do not fit on the disk that it must be full for all.
        """
        if strict:
            raise DataError(failure.reason + self._write_traces({name: failure}))
        self.found[name] = failure
        log.info("%s", failure.reason, extra={"file_only": True})
        self._full = self._full + 1 if failure.is_disk_full else 0
        if self._full == _MAX_FULL:
            raise FcrbenchError(
                f"stopped after {_MAX_FULL} images in a row did not fit on the disk: {failure.reason}"
            )

    def passed(self) -> None:
        """Note that an image was processed."""
        self._full = 0

    def finish(self, total: int, what: str, *, partly: bool = True) -> None:
        """Write the files, or remove those of an earlier attempt. Raise an error if there are any failures.

        what    participle in "3 of 7 images could not be <what>"
        partly  whether the results of the other images are kept. If there are any, PartialError is raised,
                otherwise DataError
        """
        where = self.save()
        if self.found:
            kind = PartialError if partly and len(self.found) < total else DataError
            raise kind(self.message(total, what) + where)

    def save(self) -> str:
        """Write the files, or remove those of an earlier attempt. Return where the tracebacks are."""
        try:
            return self._write_files()
        except WriteError as error:  # the failures themselves are more important than the list of them
            if not self.found:
                raise
            return f"; {error}"

    def message(self, total: int, what: str) -> str:
        shown = "; ".join(list(self.reasons.values())[:_MAX_REASONS])
        more = len(self.found) - _MAX_REASONS
        rest = f"; and {more} more" if more > 0 else ""
        where = f"; all of them are in {self.path}" if self.path is not None and more > 0 else ""
        return f"{len(self.found)} of {total} images could not be {what}: {shown}{rest}{where}"

    def _write_files(self) -> str:
        if self.path is not None:
            if self.found:
                import pandas as pd

                rows = {"image": list(map(to_unicode, self.found)), "reason": list(self.reasons.values())}
                write_table(self.path, pd.DataFrame(rows))
            else:
                _remove(self.path)
        return self._write_traces(self.found)

    def _write_traces(self, found: dict[str, Failure]) -> str:
        """Write the tracebacks, or remove those of an earlier attempt. Return where they are."""
        traces = [f"{printable(name)}\n{failure.trace}" for name, failure in found.items() if failure.trace]
        if self.path is None:
            for trace in traces:
                log.error("%s", trace)
            return ""
        path = self.path.with_suffix(".log")
        if not traces:
            _remove(path)
            return ""
        write_text(path, "\n".join(traces))
        return f"; traceback{'s' * (len(traces) > 1)} in {path}"


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise WriteError(path, error) from error
