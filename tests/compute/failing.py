"""Functions that fail in a process; a separate module, as each process imports it."""

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
