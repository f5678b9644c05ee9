"""Telling the caller how far a data set is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

# False: nothing is shown; True: a bar of rich, on standard error; else called with (done, total or None).
Progress = bool | Callable[[int, int | None], None]


@contextmanager
def reporting(progress: Progress, total: int | None) -> Iterator[Callable[[int], None]]:
    """A function to call with the number of images done."""
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
