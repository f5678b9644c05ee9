"""Several processes on this machine that train together: started, watched, and ended as one."""

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

GRACE = 10.0  # seconds that the others have to end by themselves, and then by SIGTERM, before SIGKILL


def rank() -> int:
    """The number of this process among those that train together, 0 where it is alone."""
    return int(os.environ.get("RANK", 0)) if started_together() else 0


def started_together() -> bool:
    """Whether this process is one of several that were started to train together, here or by torchrun."""
    return "LOCAL_RANK" in os.environ and int(os.environ.get("WORLD_SIZE", 1)) > 1


def launch(function: Callable[..., Any], *args: Any, processes: int) -> Any:
    """function(*args) in `processes` processes; the result of the first. One is this process itself.

    Each finds the environment that torchrun would give it. Where one fails or is killed all are ended, and
    the error is raised here. Ctrl-C and SIGTERM are passed on to all; a second Ctrl-C ends them at once.
    Raises UsageError when this process itself was started by torchrun with others.
    """
    if processes == 1:
        return function(*args)
    if started_together():
        raise UsageError("--devices starts processes, but torchrun has started them already; leave it out")
    from lightning_fabric.plugins.environments.lightning import find_free_network_port

    logging.getLogger("torch.multiprocessing.spawn").setLevel(logging.ERROR)  # each process that it ends
    outcomes = multiprocessing.get_context("spawn").SimpleQueue()
    environment = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(find_free_network_port()),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "GROUP_RANK": "0",
    }
    context = multiprocessing.start_processes(
        _process, (environment, outcomes, function, args), nprocs=processes, join=False, start_method="spawn"
    )
    failure: Exception | None = None
    with _passed_on(context) as stopped:
        try:
            while not context.join(grace_period=GRACE):
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
    if stopped():
        raise KeyboardInterrupt
    raise _explained(failure, context) from failure


def _process(
    number: int,
    environment: dict[str, str],
    outcomes: Any,
    function: Callable[..., Any],
    args: tuple[Any, ...],
) -> None:
    """What a started process does. It tells an error by `outcomes` and exit code 1."""
    os.environ.update(environment, RANK=str(number), LOCAL_RANK=str(number))
    try:
        result = function(*args)
    except (FcrbenchError, KeyboardInterrupt) as error:
        outcomes.put((number, error))
        sys.exit(1)
    if number == 0:
        outcomes.put((0, result))


@contextmanager
def _passed_on(context: ProcessContext) -> Iterator[Callable[[], bool]]:
    """Pass Ctrl-C and SIGTERM on to all processes, as SIGTERM; tells whether one came. None outlives this."""

    def terminate() -> None:
        for process in context.processes:
            process.terminate()

    try:
        with stop_flag(terminate) as stopped:
            yield stopped
    finally:
        for process in context.processes:
            process.kill()


def _explained(failure: Exception, context: ProcessContext) -> Exception:
    """The error of a process that was killed; what others met because of that says nothing."""
    for number, process in enumerate(context.processes):
        code = process.exitcode or 0
        if code < 0 and code != -signal.SIGTERM:
            return FcrbenchError(
                f"process {number} of {len(context.processes)} was ended by {signal.Signals(-code).name}, "
                "and the others with it; fcrbench run --resume goes on from the last checkpoint"
            )
    return failure
