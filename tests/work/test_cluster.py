"""dask workers give the same results in the same order, submit few inputs, and may be lost."""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fcrbench.errors import DataError, FcrbenchError
from fcrbench.io import write_labels
from fcrbench.jobs.score import score_folders
from fcrbench.work.parallel import ordered_map

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    """Start two workers of one thread each. A dead one is restarted. A task may lose one worker, not two."""
    import dask

    with (
        dask.config.set(
            {
                "distributed.scheduler.allowed-failures": 1,
                # On a busy machine a nanny would else give up its worker, and nobody would do the tasks.
                "distributed.comm.timeouts.connect": "120s",
            }
        ),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0
        ) as cluster,
    ):
        yield cluster.scheduler_address


def square(n):
    time.sleep(0.002 * (n % 3))
    return n * n


def fail_from_eleven(n):
    if n == 11:
        time.sleep(0.05)  # later ones fail earlier
    if n >= 11:
        raise DataError(f"bad {n}")
    return n


def die_once(given):
    """Kill the worker in the middle of the task, but only the first time."""
    n, folder = given
    if n == 5:
        try:
            (Path(folder) / "died").touch(exist_ok=False)
        except FileExistsError:
            return n
        os.kill(os.getpid(), signal.SIGKILL)
    return n


def die_at_seven(n):
    if n == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


def die(n):
    os.kill(os.getpid(), signal.SIGKILL)


def test_results_come_in_order(cluster):
    assert list(ordered_map(square, iter(range(300)), scheduler=cluster)) == [n * n for n in range(300)]
    assert list(ordered_map(square, [], scheduler=cluster)) == []


def test_of_several_errors_the_first_is_raised_after_the_results_before_it(cluster):
    results = []
    with pytest.raises(DataError, match="bad 11"):
        results.extend(ordered_map(fail_from_eleven, range(60), scheduler=cluster))
    assert results == list(range(11))


def test_few_inputs_are_under_way(cluster):
    drawn = 0

    def inputs():
        nonlocal drawn
        for n in range(100_000):
            drawn += 1
            yield n

    results = ordered_map(square, inputs(), scheduler=cluster)
    for n in range(200):
        assert next(results) == n * n
        assert drawn <= n + 8 * 64
    results.close()


def test_a_worker_killed_in_the_middle_of_a_task_is_survived(cluster, tmp_path):
    given = [(n, str(tmp_path)) for n in range(40)]
    assert list(ordered_map(die_once, given, scheduler=cluster)) == list(range(40))
    assert (tmp_path / "died").exists()


def test_scores_are_the_serial_ones(cluster, tmp_path):
    rng = np.random.default_rng(0)
    for i in range(9):
        write_labels(tmp_path / "truth" / f"{i}.tif", rng.integers(0, 5, (30, 40)))
        write_labels(tmp_path / "pred" / f"{i}.tif", rng.integers(0, 5, (30, 40)))
    (tmp_path / "pred" / "4.tif").write_bytes(b"II*\0 and no more")
    serial = score_folders(tmp_path / "truth", tmp_path / "pred")
    found = score_folders(tmp_path / "truth", tmp_path / "pred", tmp_path / "s.csv", scheduler=cluster)
    pd.testing.assert_frame_equal(found.scores.table, serial.scores.table, check_exact=True)
    assert found.failures.reasons == serial.failures.reasons
    assert list(found.failures.reasons) == ["4"]


def test_an_input_that_kills_every_worker_is_named(cluster):
    with pytest.raises(FcrbenchError, match="image 7: every worker that processed this was lost, the last"):
        list(ordered_map(die, [7], scheduler=cluster, name=lambda n: f"image {n}"))


def test_the_others_are_done_where_one_kills_every_worker(cluster):
    """This includes inputs in the same task or on the same worker, which dask blames in the same way."""
    told = []

    def lost(n, why):
        told.append(why)
        return -n

    found = list(ordered_map(die_at_seven, range(30), scheduler=cluster, on_lost=lost))
    assert found == [-n if n == 7 else n for n in range(30)]
    (why,) = told
    assert why.startswith("every worker that processed this was lost, the last one at tcp://")


def test_no_scheduler_is_told(monkeypatch):
    monkeypatch.setattr("fcrbench.work.cluster._CONNECT_TIMEOUT", 0.5)
    with pytest.raises(FcrbenchError, match=r"no dask scheduler at tcp://127\.0\.0\.1:9"):
        list(ordered_map(square, [1], scheduler="tcp://127.0.0.1:9"))
    with pytest.raises(FcrbenchError, match="no dask scheduler at nowhere://x"):
        list(ordered_map(square, [1], scheduler="nowhere://x"))


def test_lost_workers_are_noticed(monkeypatch, caplog):
    """Tasks wait for new workers, and a line says so."""
    monkeypatch.setattr("fcrbench.work.cluster._SILENT", 0.2)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0", memory_limit=0
    ) as cluster:
        results = ordered_map(square, range(9), scheduler=cluster.scheduler_address)
        assert next(results) == 0
        cluster.scale(0)
        threading.Timer(2, lambda: cluster.scale(1)).start()
        assert list(results) == [n * n for n in range(1, 9)]
