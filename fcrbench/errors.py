"""The errors that a user can act on. The command line prints them as one line and exits with their code."""

import difflib
from collections.abc import Iterable
from pathlib import Path

from fcrbench.text import printable


class FcrbenchError(Exception):
    """Something outside the program is wrong: a file, a device, a disk. The message is one line."""

    exit_code = 1


class DataError(FcrbenchError, ValueError):
    """A file or array does not contain what it should. The message says what was found and expected."""


class PartialError(DataError):
    """Some images are done, and others failed. The message lists the failed ones."""

    exit_code = 3


class StoppedError(FcrbenchError):
    """Ctrl-C or SIGTERM stopped the command. The message says what is done and how to continue."""

    exit_code = 130


def damaged_file(path: object, error: Exception) -> DataError:
    """Return the error about a file that a decoder cannot read; decoders raise many types of errors."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return DataError(f"{path}: cannot be read, truncated or damaged ({reason[:120]})")


class WriteError(FcrbenchError):
    """The operating system refuses to write a file."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(path, error)  # unchanged, so that the error can be pickled and sent between workers
        self.path, self.error = path, error
        self.__cause__ = error

    def __str__(self) -> str:
        return f"cannot write {self.path}: {self.error.strerror or self.error}"


class UsageError(FcrbenchError, ValueError):
    """A name, option or configuration value does not exist or is out of range."""

    exit_code = 2


class LabelWarning(UserWarning):
    """An array that is given as a label image looks like something else, such as a mask of 0 and 255."""


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """Return the message about an unknown name. It suggests similar names and lists all of them."""
    names = list(known)
    close = [repr(match) for match in difflib.get_close_matches(name[:100].lower(), names, n=2, cutoff=0.5)]
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"unknown {what} {short_repr(name)}{hint} (known: {', '.join(names) or 'none'})"


def describe_error(error: Exception) -> str:
    """Return the message of any error as one line, with its type unless it is an FcrbenchError."""
    if isinstance(error, FcrbenchError):
        return printable(error)  # a line break in it comes from the name of a file
    text = printable(" ".join(str(error).split()))
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def short_repr(value: object) -> str:
    """Return the repr of a value from a file for a message, shortened if it is long."""
    try:
        text = repr(value)
    except ValueError:  # an integer with more digits than Python converts to text
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= 100 else f"{text[:100]}..."
