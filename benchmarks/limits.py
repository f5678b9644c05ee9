"""Limits of the machine, and measurements without a peer: linearity, threads, first calls."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import scenes
from fcrbench import metrics

FIRST_CALL = """
import time, numpy
start = time.process_time()
from fcrbench import metrics, postprocess
imported = time.process_time()
labels = postprocess.instances(numpy.zeros((4, 8, 8), numpy.float32))
metrics.score(labels, labels)
print(imported - start, time.process_time() - imported)
"""


def median_seconds(function: Callable[[], Any], repeat: int = 7) -> float:
    """Return the median CPU time of a call, which other programs affect less than elapsed time."""
    durations = []
    for _ in range(repeat):
        start = time.process_time()
        function()
        durations.append(time.process_time() - start)
    return statistics.median(durations)


def bandwidth(n_bytes: int) -> tuple[float, float]:
    """Return bytes per second of reading (a sum) and of filling new memory (np.full)."""
    floats = np.ones(max(n_bytes // 4, 1), np.float32)
    read = median_seconds(floats.sum)
    fill = median_seconds(lambda: np.full(len(floats), 1, np.float32))
    return floats.nbytes / read, floats.nbytes / fill


def linearity() -> list[str]:
    """Return lines of text about `metrics.score` of a very large pair."""
    truth = scenes.nuclei(scenes.LARGE, 37)
    pred = scenes.prediction(truth)
    huge_truth = scenes.nuclei(scenes.HUGE, 31)
    huge_pred = scenes.prediction(huge_truth)
    metrics.score(truth, pred)
    before = _memory("VmRSS")
    with open("/proc/self/clear_refs", "w") as file:  # noqa: PTH123 (resets VmHWM)
        file.write("5")
    metrics.score(huge_truth, huge_pred)
    extra = _memory("VmHWM") - before
    per_pixel = [
        1e9 * median_seconds(lambda a=a, b=b: metrics.score(a, b), 5) / a.size
        for a, b in ((truth, pred), (huge_truth, huge_pred))
    ]
    return [
        f"`metrics.score`: {per_pixel[0]:.2f} ns a pixel at {_shape(truth)} with {truth.max()} nuclei, "
        f"{per_pixel[1]:.2f} at {_shape(huge_truth)} with {huge_truth.max()} "
        f"({per_pixel[1] / per_pixel[0]:.2f}x); extra memory {extra / 1024:.0f} MB."
    ]


def threads(n_pairs: int = 1000) -> str:
    """Return a line of text about scoring pairs in memory with two threads."""
    truth = scenes.real_labels()
    preds = [scenes.prediction(truth, seed) for seed in range(20)]
    pairs = [(i, truth, preds[i % len(preds)]) for i in range(n_pairs)]

    def run(workers: int) -> float:
        start = time.perf_counter()
        metrics.score_dataset(pairs, workers)
        return time.perf_counter() - start

    run(1)
    one, two = (statistics.median(run(workers) for _ in range(5)) for workers in (1, 2))
    return (
        f"{n_pairs} real pairs in memory: {one:.3f} s by one thread, {two:.3f} s by two ({one / two:.2f}x)."
    )


def first_calls() -> str:
    """Return a line of text about first calls in new processes, without and with compiled kernels on disk."""
    with tempfile.TemporaryDirectory() as cache:
        env = os.environ | {"NUMBA_CACHE_DIR": cache}
        cold, *warm = [
            [float(x) for x in subprocess.check_output([sys.executable, "-c", FIRST_CALL], env=env).split()]
            for _ in range(4)
        ]
    imported, called = np.median(warm, axis=0)
    return (
        f"First labelling and score in a new process, CPU time: {cold[1]:.1f} s where nothing is compiled, "
        f"{called:.2f} s from Numba's disk cache; import of `fcrbench.metrics` and `postprocess` after NumPy "
        f"{imported:.2f} s."
    )


def _shape(image: np.ndarray) -> str:
    return " x ".join(map(str, image.shape))


def _memory(key: str) -> int:
    """Return a memory statistic of this process in KiB (Linux)."""
    with open("/proc/self/status") as file:  # noqa: PTH123
        return int(next(line for line in file if line.startswith(key)).split()[1])
