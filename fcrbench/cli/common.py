"""What all long commands share: the options --quiet and --log, and how they print and report progress."""

import logging
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from fcrbench import __version__
from fcrbench.errors import UsageError, WriteError
from fcrbench.text import printable
from fcrbench.work.outputs import add_output, forget_outputs
from fcrbench.work.progress import FILE_ONLY, ImageCounter

_FEW_IMAGES = 20  # each gets a line of its own; more are only counted
_LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
_LOG_TIME = "%Y-%m-%dT%H:%M:%S%z"
# A log is appended to, so it must not be one of our inputs or outputs by mistake.
_DATA = re.compile(r"\.(png|tiff?|zarr|csv|json|geojson|parquet|toml|safetensors|html|part)", re.IGNORECASE)

log = logging.getLogger("fcrbench")


@Parameter(name="*")
@dataclass(frozen=True)
class Reporting:
    """How a command reports what it does. `main` applies it before it calls the command."""

    quiet: Annotated[bool, Parameter(help="Print only warnings and errors.")] = False
    log: Annotated[
        Path | None,
        Parameter(
            help="File to which all lines are appended with their times, also those that --quiet hides."
        ),
    ] = None


REPORTING = Reporting()  # the default of the commands
_active = REPORTING


def say(text: str) -> None:
    """Print a line, unless the command is quiet, and add it to the log file."""
    if not _active.quiet:
        print("\n".join(map(printable, text.split("\n"))), flush=True)
    for line in text.split("\n"):
        log.info("%s", line, extra=FILE_ONLY)


def there_already(images: int) -> str:
    """Return the end of a sentence about images that an earlier call has done; "" if there are none."""
    return f", {images:,} were there already" if images else ""


def is_quiet() -> bool:
    """Return whether only warnings and errors are printed."""
    return _active.quiet


def active_reporting() -> Reporting:
    """Return how this command reports, to pass it to processes that it starts."""
    return _active


class ImageReport:
    """Reports the images of a command: a line for each of a few, or how many of many are done.

    what   participle, as in "segmented: 12 of 10,000, 55 min left"
    noun   what is counted in an image, as in "a.tif: 12 instances"
    """

    def __init__(self, what: str, noun: str = "") -> None:
        self.counter = ImageCounter(what, bar=not is_quiet() and sys.stderr.isatty())
        self.noun = noun
        self.are_few = True

    def begin(self, images: int, earlier: int = 0) -> None:
        """Note how many images there are, and how many of them an earlier call has done."""
        self.are_few = images <= _FEW_IMAGES
        if not self.are_few:
            self.counter.begin(images, earlier)

    def update(self, done: int) -> None:
        """Report that `done` images are done, counting those of an earlier call."""
        if not self.are_few:
            self.counter.update(done)

    def image(self, name: str, objects: int) -> None:
        """Report one image. The lines of many images go only to the log file."""
        text = printable(f"{name}: {objects} {self.noun}")  # a name may contain a line break
        if self.are_few:
            say(text)
        else:
            log.info("%s", text, extra=FILE_ONLY)

    def __enter__(self) -> "ImageReport":
        return self

    def __exit__(self, *error: Any) -> None:
        self.counter.__exit__(*error)


@contextmanager
def reporting_to_user(arguments: Sequence[str], chosen: Reporting) -> Iterator[None]:
    """Print the package's log to standard error, and to the file of --log, while the context lasts."""
    global _active
    handlers = [_stderr_handler(chosen.quiet)]
    if chosen.log is not None:
        handlers.append(_file_handler(chosen.log))
    log.setLevel(logging.INFO)
    for handler in handlers:
        log.addHandler(handler)
    before, _active = _active, chosen
    log.info("fcrbench %s: fcrbench %s", __version__, shlex.join(arguments), extra=FILE_ONLY)
    try:
        yield
    finally:
        _active = before
        forget_outputs()
        for handler in handlers:
            log.removeHandler(handler)
            handler.close()


def reporting_in_process(chosen: Reporting, is_first: bool) -> AbstractContextManager[None]:
    """Report from a process that the command has started. Only the first one writes to the log file."""
    if log.handlers:  # this is the process of the command
        return nullcontext()
    return reporting_to_user(sys.argv[1:], chosen if is_first else Reporting(chosen.quiet))


def _stderr_handler(quiet: bool) -> logging.Handler:
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING if quiet else logging.INFO)
    handler.setFormatter(_LineFormatter())
    handler.addFilter(lambda record: not getattr(record, "file_only", False))
    return handler


def _file_handler(path: Path) -> logging.Handler:
    if path.is_dir() or _DATA.fullmatch(path.suffix):
        raise UsageError(f"--log {path}: expected the name of a text file, such as run.log")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and _is_binary(path):
            raise UsageError(f"--log {path}: lines are appended to a text file, but this is none")
        handler = _LogFile(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise WriteError(path, error) from error
    add_output(path)
    handler.setFormatter(_LineFormatter(_LOG_FORMAT, _LOG_TIME))
    return handler


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" in file.read(1024)


class _LineFormatter(logging.Formatter):
    """Shows the control characters of file names."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(printable, super().format(record).split("\n")))


class _LogFile(logging.FileHandler):
    """A log file whose full disk does not stop the work; one line says so."""

    said = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the name of logging)
        if not self.said:
            self.said = True
            error = sys.exc_info()[1]
            print(f"fcrbench: the log {self.baseFilename} is incomplete: {error}", file=sys.stderr)

    def close(self) -> None:
        with suppress(OSError):  # what could not be written was said before
            super().close()
