"""Applies a function to many inputs on the workers of a dask scheduler, with results in input order."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from fcrbench.errors import FcrbenchError

if TYPE_CHECKING:
    from distributed import Client, Future

A = TypeVar("A")
T = TypeVar("T")

_TASKS_PER_THREAD = 3  # submitted tasks for each thread of the workers
_TASK_SECONDS = 0.2  # inputs are grouped into tasks of about this length; a task costs the scheduler 1 ms
_MAX_BATCH = 64  # inputs per task
_COUNT_WORKERS_EVERY = 2.0  # seconds
_SILENT = 30.0  # seconds of waiting for a task after which lost workers are noticed
_CONNECT_TIMEOUT = 15.0  # seconds

Results = tuple[list[T], BaseException | None, float]


def dask_map(
    function: Callable[[A], T],
    inputs: Iterable[A],
    scheduler: str,
    name: Callable[[A], str] = str,
    on_lost: Callable[[A, str], T] | None = None,
) -> Iterator[T]:
    """Yield function(input) for each input, in order, from workers of the scheduler "tcp://host:port".

    Only as many inputs are submitted at a time as the workers can process in about a second. If a worker is
    lost, another one repeats its task. If a task has lost more workers than the scheduler allows
    (`distributed.scheduler.allowed-failures`), its inputs are processed one by one while no other task runs,
    and an input that still loses its workers is given up. If several inputs fail, the error of the first one
    is raised.

    Args:
        function: picklable and importable on the workers; it may run twice on one input.
        name: returns the name of an input for error messages.
        on_lost: returns the result of an input that was given up, from the input and the reason; None raises
            an error instead.

    Raises FcrbenchError if the extra "scale" is not installed, the scheduler is not reachable or is lost, the
    workers cannot import the function, or an input was given up.
    """
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise FcrbenchError('a dask scheduler needs dask: pip install "fcrbench[scale]"') from error
    try:
        client = Client(scheduler, timeout=_CONNECT_TIMEOUT, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise FcrbenchError(f"no dask scheduler at {scheduler}: {error}") from error
    with client:
        yield from _TaskQueue(client, scheduler, function, name, on_lost).run(iter(inputs))


class _TaskQueue:
    """The submitted tasks, in the order of their inputs."""

    def __init__(
        self,
        client: "Client",
        scheduler: str,
        function: Callable[[A], T],
        name: Callable[[A], str],
        on_lost: Callable[[A, str], T] | None,
    ) -> None:
        self.client, self.scheduler, self.function, self.name = client, scheduler, function, name
        self.on_lost = on_lost
        self.tasks: deque[tuple[list[Any], Future]] = deque()
        self.batch_size = 1
        self.threads = 0
        self.counted_at = float("-inf")

    def run(self, inputs: Iterator[Any]) -> Iterator[Any]:
        try:
            self._fill(inputs)
            while self.tasks:
                given, future = self.tasks.popleft()
                results, error, seconds = self._result(given, future)
                self.batch_size = max(
                    1, min(int(_TASK_SECONDS / max(seconds, 1e-6)), 2 * self.batch_size, _MAX_BATCH)
                )
                self._fill(inputs)
                yield from results
                if error is not None:
                    raise self._as_user_error(error)
        finally:
            self.client.cancel([future for _, future in self.tasks])

    def _fill(self, inputs: Iterator[Any]) -> None:
        now = time.monotonic()
        if now - self.counted_at > _COUNT_WORKERS_EVERY:
            self.counted_at = now
            threads = sum(self.client.nthreads().values())
            if threads == 0 and self.threads == 0 and not self.tasks:
                logging.getLogger("fcrbench").warning("waiting for workers of %s", self.scheduler)
            self.threads = threads
        while len(self.tasks) < _TASKS_PER_THREAD * max(self.threads, 1):
            given = list(islice(inputs, self.batch_size))
            if not given:
                return
            self.tasks.append((given, self._submit(given)))

    def _submit(self, given: list[Any]) -> "Future":
        # pure=False gives each task its own key; otherwise two runs of the same work would share results.
        return self.client.submit(_run_batch, self.function, given, pure=False)

    def _result(self, given: list[Any], future: "Future") -> Results:
        from distributed import KilledWorker

        try:
            try:
                self._wait(future)
                results: Results = future.result()
            except KilledWorker:
                results = self._one_by_one(given)
        except (CancelledError, OSError) as error:
            raise FcrbenchError(f"lost the connection to the dask scheduler at {self.scheduler}") from error
        except ModuleNotFoundError as error:
            raise self._as_user_error(error) from error
        return results

    def _wait(self, future: "Future") -> None:
        """Wait until a task is done. Say so if no worker is left that could do it."""
        from distributed import TimeoutError, wait

        said = False
        while True:
            try:
                with self.client.as_current():
                    wait([future], timeout=_SILENT)
                return
            except TimeoutError:
                if not said and not self.client.nthreads():
                    said = True
                    logging.getLogger("fcrbench").warning(
                        "all workers of %s are lost; waiting for new ones", self.scheduler
                    )

    def _one_by_one(self, given: list[Any]) -> Results:
        """Process inputs one by one with no other task running.

        Otherwise dask would blame every task on a lost worker, not only the one that killed it.
        """
        from distributed import KilledWorker

        for _, future in self.tasks:
            future.exception()  # waits until it is done
        results: list[Any] = []
        for one in given:
            try:
                found, error, _ = self._submit([one]).result()
            except KilledWorker as killed:
                why = (
                    "every worker that processed this was lost, the last one at "
                    f"{killed.last_worker.address}; it may be out of memory"
                )
                if self.on_lost is None:
                    return results, FcrbenchError(f"{self.name(one)}: {why}"), 1.0
                found, error = [self.on_lost(one, why)], None
            results += found
            if error is not None:
                return results, error, 1.0
        return results, None, 1.0

    def _as_user_error(self, error: BaseException) -> BaseException:
        if isinstance(error, ModuleNotFoundError):
            return FcrbenchError(f"the workers of {self.scheduler} lack the module {error.name}")
        return error


def _run_batch(function: Callable[[A], T], given: list[A]) -> Results[T]:
    """Return the results up to the first error, that error, and the mean seconds per input."""
    results: list[T] = []
    failed: BaseException | None = None
    start = time.perf_counter()
    for one in given:
        try:
            results.append(function(one))
        except Exception as error:  # the client raises it again after the results before it
            failed = error
            break
    return results, failed, (time.perf_counter() - start) / len(given)
