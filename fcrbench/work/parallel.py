"""A function over many inputs: one after the other, by threads, or by the workers of a dask scheduler."""

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

A = TypeVar("A")
T = TypeVar("T")

# How often results are looked for: a caller that wakes up for each would compete with the workers for
# the interpreter's lock.
_POLL_EVERY = 0.02  # seconds


def ordered_map(
    function: Callable[[A], T],
    inputs: Iterable[A],
    workers: int = 1,
    scheduler: str | None = None,
    name: Callable[[A], str] = str,
    on_lost: Callable[[A, str], T] | None = None,
) -> Generator[T, None, None]:
    """function(input) for each input, in order.

    workers    threads. Each takes the next input itself: no more than `workers` inputs are held at a time,
               and no thread waits for another. One: the caller's thread.
    scheduler  the address of a dask scheduler, whose workers do the work instead; see `cluster.dask_map`,
               also for `name`, `lost` and what the function must be
    Of several errors, that of the first input is raised, when the workers have finished what they have begun.
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
                        index += 1 << 62  # after all that was handed out
                        raise
                done[index] = function(given)
            except BaseException as error:  # raised again in the caller's thread
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
