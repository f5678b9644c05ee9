"""Ctrl-C and SIGTERM as a question that a loop asks when it can stop."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stop_flag(on_signal: Callable[[], object] = lambda: None) -> Iterator[Callable[[], bool]]:
    """A function that tells whether Ctrl-C or SIGTERM came; a second Ctrl-C stops at once.

    on_signal  called at each of the others as it comes

    SIGTERM may come on top of Ctrl-C: a terminal tells all processes of a command, and the one that started
    the others tells them again.
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
