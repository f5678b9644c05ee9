"""How far a long job is, in the log."""

import logging
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

EVERY = 30.0  # seconds between two lines
log = logging.getLogger(__name__)


def told(parts: Sequence[T], what: str) -> Iterator[T]:
    """The parts, one by one; now and then the log says how many are done and how long the rest will take."""
    begin = last = time.monotonic()
    for done, part in enumerate(parts):
        now = time.monotonic()
        if done and now - last >= EVERY:
            last = now
            left = (now - begin) / done * (len(parts) - done)
            log.info("%s: %d of %d tiles, %.0f s left", what, done, len(parts), left)
        yield part
