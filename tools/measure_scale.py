"""Measure the figures in docs/scale.md: time and memory for large images in tiles and for many pairs.

    python tools/measure_scale.py large FOLDER [--side 32768] [--memory-side 8192]
    python tools/measure_scale.py pairs FOLDER [--pairs 10000]
    python tools/measure_scale.py flat FOLDER [--pairs 10000]

The images are real fields of the embedded data set. Every measurement runs in its own process with compiled
kernels (for large images, a first round with small ones compiles them). The seconds of large images are CPU
time of all threads together, which other programs on the machine affect little. The seconds of pairs are wall
time, because several workers should be faster than one; their CPU time includes the start of the workers.
This needs Linux.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fcrbench import datasets, large, metrics, postprocess
from fcrbench.datasets import Sample
from fcrbench.io import write_labels, write_png
from fcrbench.io.large import new_labels, open_image
from fcrbench.jobs.score import score_folders
from fcrbench.methods.fcrnet.spec import FCRNetOptions

RULES = FCRNetOptions().rules()
CHUNK = 1024
ALL = (slice(None), slice(None))
PLANES = {"image": np.uint16, "classes": np.uint8, "doubt": np.uint8, "margin": np.uint8}


def fields() -> list[Sample]:
    dataset = datasets.create("sample")
    return [dataset.load(name) for name in (*dataset.splits["train"], *dataset.splits["val"])]


def make_planes(folder: Path, side: int) -> None:
    """Write Zarr arrays (side, side): fields side by side as an image, their nuclei in three colours
    (classes), and a made-up doubt and margin.
    """
    import zarr

    image, classes, doubt, margin = (
        zarr.create_array(
            str(folder / f"{name}.zarr"), shape=(side, side), chunks=(CHUNK, CHUNK), dtype=dtype
        )
        for name, dtype in PLANES.items()
    )
    rng = np.random.default_rng(0)
    samples = fields()
    colors = [np.where(s.labels > 0, s.labels % 3 + 1, 0).astype(np.uint8) for s in samples]
    height, width = colors[0].shape
    for y in range(0, side, CHUNK):  # each chunk is written once
        picked = rng.integers(0, len(colors), (-(-CHUNK // height), -(-side // width)))
        for out, whole in ((image, [s.image for s in samples]), (classes, colors)):
            rows = [np.concatenate([whole[k] for k in row], axis=1)[:, :side] for row in picked]
            band = np.concatenate(rows)[: min(CHUNK, side - y)]
            out[y : y + CHUNK] = band
        # A doubt of a few per cent within nuclei is typical for a trained network.
        doubt[y : y + CHUNK] = rng.integers(0, 12, band.shape, np.uint8) * (band > 0)
        margin[y : y + CHUNK] = rng.integers(40, 100, band.shape, np.uint8) * (band > 0)


def large_step(step: str, folder: Path) -> float | None:
    """Do one step on the whole image. Return the seconds without reading and writing files, if measured."""
    source, labels, plain = (folder / f"{name}.zarr" for name in ("classes", "labels", "components"))
    shape = open_image(source).shape
    if step == "label":
        with new_labels(plain, shape, overwrite=True) as out:
            large.label(open_image(source), out)
    elif step == "instances":
        with new_labels(labels, shape, overwrite=True) as out:
            planes = {name: open_image(folder / f"{name}.zarr") for name in ("doubt", "margin")}
            large.instances_of_classes(open_image(source), out, RULES, **planes)
    elif step == "score":
        large.score(open_image(plain), open_image(labels))
    elif step == "predict":
        from fcrbench.inference import load_predictor
        from fcrbench.inference.large import predict_large

        predict_large(
            load_predictor(device="cpu"), folder / "image.zarr", folder / "predicted.zarr", overwrite=True
        )
    elif step == "label in memory":
        classes = open_image(source)[ALL]
        return timed(lambda: postprocess.label(classes)[0], plain)
    elif step == "instances in memory":
        classes = open_image(source)[ALL]
        scores = 4 * (np.arange(4, dtype=np.uint8)[:, None, None] == classes).astype(np.float32)
        return timed(lambda: postprocess.instances(scores, RULES), labels)
    elif step == "score in memory":
        truth, pred = open_image(plain)[ALL], open_image(labels)[ALL]
        return timed(lambda: metrics.score(truth, pred))
    else:
        from fcrbench.inference import load_predictor

        image, predictor = open_image(folder / "image.zarr")[ALL], load_predictor(device="cpu", tile=0)
        return timed(lambda: predictor(image), folder / "predicted.zarr")
    return None


def timed(work: Callable[[], Any], path: Path | None = None) -> float:
    """Return the CPU seconds of `work`. The labels that it returns are then written to `path`."""
    start = time.process_time()
    found = work()
    seconds = time.process_time() - start
    if path is not None:
        with new_labels(path, found.shape, overwrite=True) as out:
            out[ALL] = found
    return seconds


def measure_large(step: str, folder: Path) -> None:
    """Print the time and the peak memory of this process."""
    pixels = np.prod(open_image(folder / "classes.zarr").shape)
    start = time.process_time()
    inner = large_step(step, folder)
    seconds = time.process_time() - start
    note = f"  ({1e9 * inner / pixels:.2f} without files)" if inner is not None else ""
    print(
        f"{step:20} {seconds:7.1f} s  {1e9 * seconds / pixels:6.2f} ns/pixel{note}  {peak_memory():6.0f} MB",
        flush=True,
    )


def make_pairs(folder: Path, n: int) -> None:
    """Write n pairs: real fields, and the same ones moved by some pixels, under many names (hard links)."""
    for i, sample in enumerate(fields()):
        moved = np.roll(sample.labels, (i % 4, i % 3), (0, 1))
        for name, array in (("truth", sample.labels), ("pred", moved)):
            write_labels(folder / "files" / f"{name}{i}.tif", array)
    files = len(list((folder / "files").iterdir())) // 2
    for name in ("truth", "pred"):
        (folder / name).mkdir()
        for i in range(n):
            os.link(folder / "files" / f"{name}{i % files}.tif", folder / name / f"{i:08}.tif")


def measure_pairs(how: str, workers: int, folder: Path) -> None:
    """Print the speed of one way to score all pairs, and the memory of the process that collects the rows."""

    def rows(scheduler: str | None) -> tuple[int, float]:
        start = time.perf_counter()
        threads = workers if how == "threads" else 1
        found = score_folders(folder / "truth", folder / "pred", workers=threads, scheduler=scheduler)
        return len(found.scores.table), time.perf_counter() - start

    before, cpu = peak_memory(), cpu_seconds()
    if how == "threads":
        n, seconds = rows(None)
    else:
        import dask
        from distributed import LocalCluster

        dask.config.set(
            {"distributed.worker.profile.enabled": False}
        )  # its cost grows with time, not with the work
        with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster:
            n, seconds = rows(cluster.scheduler_address)
    cpu = cpu_seconds() - cpu
    rate = f"{seconds:7.1f} s {n / seconds:7.1f} images/s, CPU {1000 * cpu / n:.2f} ms/image"
    print(
        f"{how:8} {workers} {n:7} pairs {rate} {peak_memory():5.0f} MB, "
        f"{peak_memory() - before:.0f} more than at the start"
    )


def make_small(folder: Path, n: int, side: int = 32) -> None:
    """Write n images of side x side pixels with their labels, under many names (hard links)."""
    sample = next(datasets.create("sample").samples("val"))
    files = folder / "files"
    write_png(files / "image.png", sample.image[:side, :side])
    write_labels(files / "labels.tif", sample.labels[:side, :side])
    for name, file in (("images", "image.png"), ("labels", "labels.tif")):
        (folder / name).mkdir()
        for i in range(n):
            os.link(files / file, folder / name / f"{i:08}{Path(file).suffix}")


def measure_flat(step: str, folder: Path) -> None:
    """Print the peak memory of this process, which scores or segments all images of a folder."""
    cpu = cpu_seconds()
    if step == "score":
        n = len(score_folders(folder / "labels", folder / "labels").scores.table)
    else:
        from fcrbench.jobs.predict import predict_images

        found = predict_images([folder / "images"], "default", folder / "out", device="cpu", overwrite=True)
        n = found.done
    print(
        f"{step:8} {n:7} images, CPU {1000 * (cpu_seconds() - cpu) / n:.2f} ms/image, {peak_memory():5.0f} MB"
    )


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of its finished workers."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def peak_memory() -> float:
    """Return the peak memory of this process in MB. ru_maxrss would include that of the parent process."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def run_step(*arguments: object) -> None:
    subprocess.run([sys.executable, __file__, *map(str, arguments)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["large", "pairs", "flat"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, default=32768)
    parser.add_argument("--memory-side", type=int, default=8192)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step and given.what == "large":
        measure_large(given.step, given.folder)
    elif given.step and given.what == "flat":
        measure_flat(given.step, given.folder)
    elif given.step:
        measure_pairs(given.step, given.workers, given.folder)
    elif given.what == "large":
        for side, suffix in (
            (CHUNK, ""),  # compiles the kernels
            (CHUNK, " in memory"),
            (given.memory_side, ""),
            (given.memory_side, " in memory"),
            (given.side, ""),
        ):
            folder = given.folder / str(side)
            if not folder.exists():
                make_planes(folder, side)
            print(f"{side} x {side}{suffix}", flush=True)
            for step in ("label", "instances", "score", "predict"):
                run_step("large", folder, "--step", step + suffix)
    elif given.what == "flat":
        for n in (given.pairs // 10, given.pairs):
            folder = given.folder / f"small{n}"
            if not folder.exists():
                make_small(folder, n)
            for step in ("score", "predict"):
                run_step("flat", folder, "--step", step)
    else:
        folder = given.folder / f"pairs{given.pairs}"
        if not folder.exists():
            make_pairs(folder, given.pairs)
        for how, workers in (("threads", 1), ("dask", 1), ("dask", 2), ("threads", 2)):
            run_step("pairs", folder, "--step", how, "--workers", workers)


if __name__ == "__main__":
    main()
