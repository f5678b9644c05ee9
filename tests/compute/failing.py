"""What the second of two processes does to fail; apart, as each of them imports this module."""

import os
import signal
import time

from fcrbench.errors import DataError


def fail(how):
    """The first process waits for what never comes."""
    if os.environ["RANK"] == "0":
        time.sleep(600)
    if how == "error":
        raise DataError("b.png is no image")
    os.kill(os.getpid(), signal.SIGKILL)
