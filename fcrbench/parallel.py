"""A function over many inputs by threads, results in the order of the inputs."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

A = TypeVar("A")
T = TypeVar("T")

# How often results are looked for: a caller that wakes up for each would compete with the workers for
# the interpreter's lock.
_WAIT = 0.02  # seconds


def ordered_map(function: Callable[[A], T], inputs: Iterable[A], workers: int) -> Iterator[T]:
    """function(input) for each input, in order.

    Each worker takes the next input itself: no more than `workers` inputs are held at a time, and no thread
    waits for another. One worker: the caller's thread. Of several errors, that of the first input is raised,
    when the workers have finished what they have begun.
    """
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
        at = -1
        while not stop.is_set():
            try:
                with lock:
                    try:
                        at, given = next(source)
                    except StopIteration:
                        return
                    except BaseException:
                        at += 1 << 62  # after all that was handed out
                        raise
                done[at] = function(given)
            except BaseException as error:  # raised again in the caller's thread
                errors[at] = error
                stop.set()

    with ThreadPoolExecutor(workers) as pool:
        try:
            running = {pool.submit(work) for _ in range(workers)}
            n = 0
            while running or n in done:
                while n in done:
                    yield done.pop(n)
                    n += 1
                running = wait(running, _WAIT).not_done
        finally:
            stop.set()
    if errors:
        raise errors[min(errors)]
