"""Logs the progress of a long job."""

import logging
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

LOG_EVERY = 30.0  # seconds between two lines
log = logging.getLogger(__name__)


def log_progress(parts: Sequence[T], what: str) -> Iterator[T]:
    """Yield the parts one by one. Log twice a minute how many are done and how long the rest will take."""
    begin = last = time.monotonic()
    for done, part in enumerate(parts):
        now = time.monotonic()
        if done and now - last >= LOG_EVERY:
            last = now
            left = (now - begin) / done * (len(parts) - done)
            log.info("%s: %d of %d tiles, %.0f s left", what, done, len(parts), left)
        yield part
