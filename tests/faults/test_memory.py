"""Memory does not grow with the number of images."""

import os
import subprocess
import sys

import pytest

from fcrbench import datasets
from fcrbench.io import write_labels, write_png

SIDE = 128
CODE = """
import re, sys
from pathlib import Path
from fcrbench.jobs.predict import predict_images
from fcrbench.jobs.score import score_folders

what, folder = sys.argv[1], Path(sys.argv[2])
for part in ("few", "many"):
    if what == "score":
        score_folders(folder / part / "labels", folder / part / "labels", folder / f"{part}.csv")
    else:
        predict_images([folder / part / "images"], "default", folder / part / "out", device="cpu")
    # Not ru_maxrss, which begins with the peak of the process that started this one.
    print(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.long  # many images
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory in kilobytes, as Linux counts it")
@pytest.mark.parametrize(
    ("what", "few", "many", "bound"),
    # Labels in int32, kept of every image, would be 64 MB of the first and 13 MB of the second, scores 50 MB.
    [("score", 200, 1000, 15_000), ("predict", 40, 200, 10_000)],
)
def test_peak_memory_of_many_images_is_that_of_few(tmp_path, what, few, many, bound):
    """`bound` is in kilobytes. A row of scores, or the name of an image, takes far less than one kilobyte."""
    sample = next(datasets.create("sample").samples("val"))
    write_png(tmp_path / "a.png", sample.image[:SIDE, :SIDE])
    write_labels(tmp_path / "a.tif", sample.labels[:SIDE, :SIDE])
    for part, n in (("few", few), ("many", many)):
        for name, file in (("images", "a.png"), ("labels", "a.tif")):
            folder = tmp_path / part / name
            folder.mkdir(parents=True)
            for i in range(n):
                os.link(tmp_path / file, folder / f"{i:05}{file[1:]}")
    done = subprocess.run(
        [sys.executable, "-c", CODE, what, str(tmp_path)], capture_output=True, text=True, check=True
    )
    first, second = map(int, done.stdout.split())
    assert second - first < bound, f"{first} kB after {few} images, {second} kB after {many} more"
