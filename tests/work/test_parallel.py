"""Results in order, few inputs held, the first error raised."""

import threading
import time
from collections.abc import Iterator

import pytest

from fcrbench.work.parallel import ordered_map


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_results_come_in_order(workers: int) -> None:
    def slow_for_some(n: int) -> int:
        time.sleep(0.003 * (n % 3 == 0))
        return n * n

    assert list(ordered_map(slow_for_some, iter(range(50)), workers)) == [n * n for n in range(50)]
    assert list(ordered_map(slow_for_some, [], workers)) == []


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_no_more_inputs_are_held_than_there_are_workers(workers: int) -> None:
    lock, held, most = threading.Lock(), 0, 0

    def inputs() -> Iterator[int]:
        nonlocal held, most
        for n in range(40):
            with lock:
                held += 1
                most = max(most, held)
            yield n

    def release(n: int) -> int:
        nonlocal held
        time.sleep(0.001)
        with lock:
            held -= 1
        return n

    assert list(ordered_map(release, inputs(), workers)) == list(range(40))
    assert most <= workers


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_of_several_errors_the_first_is_raised_after_the_results_before_it(workers: int) -> None:
    def fail(n: int) -> int:
        if n == 11:
            time.sleep(0.02)  # later ones fail earlier
        if n >= 11:
            raise ValueError(f"bad {n}")
        return n

    results: list[int] = []
    with pytest.raises(ValueError, match="bad 11"):
        results.extend(ordered_map(fail, range(100), workers))
    assert results == list(range(11))


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_the_inputs_is_raised(workers: int) -> None:
    def inputs() -> Iterator[int]:
        yield from range(5)
        raise OSError("gone")

    results: list[int] = []
    with pytest.raises(OSError, match="gone"):
        results.extend(ordered_map(lambda n: n, inputs(), workers))
    assert results == list(range(5))


def test_a_caller_that_has_enough_stops_the_workers() -> None:
    begun = []

    def slow(n: int) -> int:
        begun.append(n)
        time.sleep(0.005)
        return n

    results = ordered_map(slow, range(10_000), 2)
    assert next(results) == 0
    results.close()
    seen = len(begun)
    time.sleep(0.05)
    assert len(begun) == seen < 10_000
