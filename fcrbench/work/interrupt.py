"""Lets a loop stop at a safe point after Ctrl-C or SIGTERM."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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
