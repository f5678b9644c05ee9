"""Progress of the scoring of a data set."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fcrbench.work.progress import ImageCounter

# False shows nothing, True shows a bar on standard error, a function is called with (done, total or None).
Progress = bool | Callable[[int, int | None], None]


@contextmanager
def progress_reporter(progress: Progress, total: int | None) -> Iterator[Callable[[int], None]]:
    """Yield a function that reports the number of images done."""
    if callable(progress):
        yield lambda done: progress(done, total)
    elif progress:
        with ImageCounter("scored", bar=True) as counter:
            counter.begin(total)
            yield counter.update
    else:
        yield lambda done: None
