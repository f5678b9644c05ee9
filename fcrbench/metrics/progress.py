"""Progress of the scoring of a data set."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

# False shows nothing, True shows a bar on standard error, a function is called with (done, total or None).
Progress = bool | Callable[[int, int | None], None]


@contextmanager
def progress_reporter(progress: Progress, total: int | None) -> Iterator[Callable[[int], None]]:
    """Yield a function that reports the number of images done."""
    if callable(progress):
        yield lambda done: progress(done, total)
    elif progress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("scoring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Bar(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("scoring", total=total)
            yield lambda done: bar.update(task, completed=done)
    else:
        yield lambda done: None
