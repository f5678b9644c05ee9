"""Shows the progress of a run: a live line on a terminal, plain lines in a log file."""

import logging
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fcrbench.text import printable
from fcrbench.work.progress import FILE_ONLY, LOG_EVERY, describe_left

log = logging.getLogger(__name__)


class TrainingDisplay:
    """A context manager that shows steps, loss, validation PQ and the remaining time."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.pq = "-"
        self.loss = 0.0
        self.first: tuple[float, int] | None = None
        self.logged = time.monotonic()
        self.bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.3f}  PQ {task.fields[pq]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task("training", total=None, loss=0.0, pq="-")

    def __enter__(self) -> "TrainingDisplay":
        self.bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.__exit__(kind, error, trace)

    def started(self, what: str) -> None:
        """Print that a run begins or continues."""
        self._print(what)

    def step(self, step: int, total: int, loss: float) -> None:
        """Show that one training step is done."""
        now = time.monotonic()
        if self.first is None:
            self.first = (now, step)
        self.loss = loss if self.loss == 0.0 else 0.95 * self.loss + 0.05 * loss
        self.bar.update(self.task, completed=step, total=total, loss=self.loss, pq=self.pq)
        if now - self.logged > LOG_EVERY:
            self.logged = now
            rate = (now - self.first[0]) / max(step - self.first[1], 1)
            left = describe_left(rate * (total - step))
            self._print(
                f"step {step:,} of {total:,}  loss {self.loss:.3f}  PQ {self.pq}  {left}",
                file_only=self.console.is_terminal,
            )

    def validated(self, epoch: int, scores: dict[str, float]) -> None:
        """Show the scores of a finished validation."""
        self.pq = f"{scores['val_pq']:.3f}"
        text = f"PQ {self.pq}  F1@0.5 {scores['val_f1']:.3f}  AP {scores['val_ap']:.3f}"
        self._print(f"epoch {epoch:>3}  validation {text}")

    def _print(self, text: str, file_only: bool = False) -> None:
        if not file_only:
            self.console.print(printable(text), highlight=False, soft_wrap=True, markup=False)
        log.info("%s", text, extra=FILE_ONLY)
