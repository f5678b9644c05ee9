"""Applies a function to many inputs: serially, in threads, or on the workers of a dask scheduler."""

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

A = TypeVar("A")
T = TypeVar("T")

# The caller polls for results, because waking up for each of them would compete with the workers for the
# interpreter's lock.
_POLL_EVERY = 0.02  # seconds


def ordered_map(
    function: Callable[[A], T],
    inputs: Iterable[A],
    workers: int = 1,
    scheduler: str | None = None,
    name: Callable[[A], str] = str,
    on_lost: Callable[[A, str], T] | None = None,
) -> Generator[T, None, None]:
    """Yield function(input) for each input, in order.

    workers    number of threads; 1 uses the caller's thread. Each thread takes the next input itself, so at
               most `workers` inputs are held at a time, and no thread waits for another
    scheduler  address of a dask scheduler whose workers do the work instead; see `cluster.dask_map`, also for
               `name`, `on_lost` and the requirements on the function

    If several inputs fail, the error of the first one is raised after the running workers have finished.
    """
    if scheduler is not None:
        from fcrbench.work.cluster import dask_map

        yield from dask_map(function, inputs, scheduler, name, on_lost)
        return
    if workers == 1:
        for given in inputs:
            yield function(given)
        return
    source = enumerate(inputs)
    lock = threading.Lock()
    done: dict[int, T] = {}
    errors: dict[int, BaseException] = {}
    stop = threading.Event()

    def work() -> None:
        index = -1
        while not stop.is_set():
            try:
                with lock:
                    try:
                        index, given = next(source)
                    except StopIteration:
                        return
                    except BaseException:
                        index += 1 << 62  # sorts after the errors of all inputs
                        raise
                done[index] = function(given)
            except BaseException as error:  # the caller's thread raises it again
                errors[index] = error
                stop.set()

    with ThreadPoolExecutor(workers) as pool:
        try:
            running = {pool.submit(work) for _ in range(workers)}
            n = 0
            while running or n in done:
                while n in done:
                    yield done.pop(n)
                    n += 1
                running = wait(running, _POLL_EVERY).not_done
        finally:
            stop.set()
    if errors:
        raise errors[min(errors)]
