"""Starts several processes on this machine that train together, watches them and ends them."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import multiprocessing
from torch.multiprocessing import ProcessContext, ProcessExitedException, ProcessRaisedException

from fcrbench.errors import FcrbenchError, UsageError
from fcrbench.work.interrupt import stop_flag

# After a failure the other processes get SIGTERM after this time, and SIGKILL after the same time again.
GRACE_SECONDS = 10.0


def rank() -> int:
    """Return the number of this process among those that train together; 0 if it is the only one."""
    return int(os.environ.get("RANK", 0)) if is_distributed() else 0


def is_distributed() -> bool:
    """Return whether `launch` or torchrun started this process as one of several that train together."""
    return "LOCAL_RANK" in os.environ and int(os.environ.get("WORLD_SIZE", 1)) > 1


def launch(function: Callable[..., Any], *args: Any, processes: int) -> Any:
    """Call function(*args) in `processes` processes and return the result of process 0.

    With `processes` 1 the function is called in this process. Otherwise new processes are started, with the
    environment variables that torchrun would set. If one of them fails or is killed, all are ended and the
    error is raised here. Ctrl-C and SIGTERM are sent on to all processes; a second Ctrl-C ends them at once.
    Raises UsageError if torchrun started this process as one of several.
    """
    if processes == 1:
        return function(*args)
    if is_distributed():
        raise UsageError("--devices starts processes, but torchrun has already started them; leave it out")
    from lightning_fabric.plugins.environments.lightning import find_free_network_port

    # It logs each process that it ends.
    logging.getLogger("torch.multiprocessing.spawn").setLevel(logging.ERROR)
    outcomes = multiprocessing.get_context("spawn").SimpleQueue()
    environment = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(find_free_network_port()),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "GROUP_RANK": "0",
    }
    context = multiprocessing.start_processes(
        _run_process,
        (environment, outcomes, function, args),
        nprocs=processes,
        join=False,
        start_method="spawn",
    )
    failure: Exception | None = None
    with _forward_signals(context) as is_stopped:
        try:
            while not context.join(grace_period=GRACE_SECONDS):
                pass
        except (ProcessExitedException, ProcessRaisedException) as error:
            failure = error
    found = {}
    while not outcomes.empty():
        number, outcome = outcomes.get()
        found[number] = outcome
    if failure is None:
        return found[0]
    for _, outcome in sorted(found.items()):
        if isinstance(outcome, BaseException):
            raise outcome
    if is_stopped():
        raise KeyboardInterrupt
    raise _explain(failure, context) from failure


def _run_process(
    number: int,
    environment: dict[str, str],
    outcomes: Any,
    function: Callable[..., Any],
    args: tuple[Any, ...],
) -> None:
    """Call the function in a started process. An error is put into `outcomes` and makes the exit code 1."""
    os.environ.update(environment, RANK=str(number), LOCAL_RANK=str(number))
    try:
        result = function(*args)
    except (FcrbenchError, KeyboardInterrupt) as error:
        outcomes.put((number, error))
        sys.exit(1)
    if number == 0:
        outcomes.put((0, result))


@contextmanager
def _forward_signals(context: ProcessContext) -> Iterator[Callable[[], bool]]:
    """Send SIGTERM to all processes on Ctrl-C or SIGTERM; kill those that are left on leaving the context.

    Yields a function that returns whether a signal has arrived.
    """

    def terminate() -> None:
        for process in context.processes:
            process.terminate()

    try:
        with stop_flag(terminate) as is_stopped:
            yield is_stopped
    finally:
        for process in context.processes:
            process.kill()


def _explain(failure: Exception, context: ProcessContext) -> Exception:
    """Return an error that names the process that was killed, if any: the others fail only because of it."""
    for number, process in enumerate(context.processes):
        code = process.exitcode or 0
        if code < 0 and code != -signal.SIGTERM:
            return FcrbenchError(
                f"process {number} of {len(context.processes)} was ended by {signal.Signals(-code).name}, "
                "and the others were stopped; fcrbench run --resume continues from the last checkpoint"
            )
    return failure
