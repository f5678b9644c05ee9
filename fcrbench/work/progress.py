"""Reports the progress of a long job: to the terminal, to the log, or only to the log file."""

import logging
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

T = TypeVar("T")

LOG_EVERY = 30.0  # seconds between two lines
FILE_ONLY = {"file_only": True}  # `extra` of a record that the user sees elsewhere, or not at all
log = logging.getLogger(__name__)


def describe_left(seconds: float) -> str:
    """Return a remaining time as a person would say it: "40 s left", "55 min left", "3 h 20 min left"."""
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s left"
    if minutes < 120:
        return f"{minutes} min left"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min left" if hours < 48 else f"{hours // 24} d {hours % 24} h left"


def log_progress(parts: Sequence[T], what: str) -> Iterator[T]:
    """Yield the parts one by one. Log twice a minute how many are done and how long the rest will take."""
    begin = last = time.monotonic()
    for done, part in enumerate(parts):
        now = time.monotonic()
        if done and now - last >= LOG_EVERY:
            last = now
            left = describe_left((now - begin) / done * (len(parts) - done))
            log.info("%s: %s of %s tiles, %s", what, f"{done:,}", f"{len(parts):,}", left)
        yield part


class ImageCounter:
    """A context manager that shows how many of many images are done, and how long the others will take.

    what    participle, as in "segmented: 12 of 10,000, 55 min left"
    bar     show a live bar on standard error. Otherwise a line is logged twice a minute
    """

    def __init__(self, what: str, bar: bool) -> None:
        self.what, self.bar = what, bar
        self.total: int | None = None
        self.earlier = 0
        self.started = self.logged = time.monotonic()
        self._live: Progress | None = None
        self._task: TaskID | None = None

    def begin(self, total: int | None, earlier: int = 0) -> None:
        """Start the clock. `earlier` of the images were done before; None stands for an unknown total."""
        self.total, self.earlier = total, earlier
        self.started = self.logged = time.monotonic()
        if self.bar:
            self._live = _live_bar()
            self._task = self._live.add_task(self.what, total=total, completed=earlier, text="")
            self._live.start()

    def update(self, done: int) -> None:
        """Show that `done` images are done, counting those of an earlier call."""
        now = time.monotonic()
        is_due = now - self.logged >= LOG_EVERY
        if self._live is not None and self._task is not None:
            text = self.describe(done, now)
            self._live.update(self._task, completed=done, text=text)
        if is_due:
            self.logged = now
            extra = FILE_ONLY if self.bar else None
            log.info("%s: %s", self.what, self.describe(done, now), extra=extra)

    def describe(self, done: int, now: float) -> str:
        """Return "12 of 10,000, 55 min left"."""
        if self.total is None:
            return f"{done:,}"
        text, new = f"{done:,} of {self.total:,}", done - self.earlier
        if new <= 0 or done == self.total:
            return text
        return f"{text}, {describe_left((now - self.started) / new * (self.total - done))}"

    def __enter__(self) -> "ImageCounter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()


def _live_bar() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
    return Progress(*columns, console=Console(stderr=True))
