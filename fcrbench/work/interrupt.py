"""Lets a loop stop at a safe point after Ctrl-C or SIGTERM."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

GRACE_SECONDS = 10  # after SIGTERM; a cluster kills a process about half a minute later


@contextmanager
def stop_flag(on_signal: Callable[[], object] = lambda: None) -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether Ctrl-C or SIGTERM was received. A second Ctrl-C stops at once.

    on_signal  called for each received signal, except for the second Ctrl-C

    SIGTERM may follow Ctrl-C: a terminal sends Ctrl-C to all processes of a command, and the process that
    started the others then sends them SIGTERM.
    """
    received: list[int] = []

    def receive(number: int, _: object) -> None:
        if number == signal.SIGINT and number in received:
            raise KeyboardInterrupt
        received.append(number)
        on_signal()

    old = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


@contextmanager
def stop_between_images() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether Ctrl-C or SIGTERM asked to stop after the current images.

    A second Ctrl-C raises KeyboardInterrupt at once, and so does the end of the grace time after SIGTERM;
    what was begun is then dropped. Outside the main thread, which alone handles signals, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    received: list[int] = []

    def receive(number: int, _: object) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        if number == signal.SIGINT:
            os.write(2, b"\nstopping after the current images; press Ctrl-C again to drop them\n")
        elif hasattr(signal, "alarm"):
            signal.alarm(GRACE_SECONDS)

    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGALRM] if hasattr(signal, "SIGALRM") else [])]
    old = {number: signal.signal(number, receive) for number in numbers}
    try:
        yield lambda: bool(received)
    finally:
        if hasattr(signal, "alarm"):
            signal.alarm(0)
        for number, handler in old.items():
            signal.signal(number, handler)
