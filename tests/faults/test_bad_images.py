"""Bad images among good ones: the rest is finished, the bad ones are listed with reasons."""

import csv
import os
import resource
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from bad_files import SHAPE, field, huge_tiff, write_bad_images, write_odd_images

from fcrbench.cli import main
from fcrbench.errors import DataError
from fcrbench.io import read_image, read_labels, write_labels, write_png
from fcrbench.jobs.score import score_folders

GOOD = 1000  # images among which the bad ones are


def reasons(path) -> dict[str, str]:
    with path.open(newline="") as file:
        return {row["image"]: row["reason"] for row in csv.DictReader(file)}


def test_prediction_finishes_the_rest_and_lists_the_bad(tmp_path, capsys):
    bad = write_bad_images(tmp_path / "images")
    odd = write_odd_images(tmp_path / "images")
    write_png(tmp_path / "good.png", field()[:32, :32])
    for i in range(GOOD):
        os.link(tmp_path / "good.png", tmp_path / "images" / f"good{i:04}.png")
    out = tmp_path / "out"
    arguments = ["predict", str(tmp_path / "images"), "--device", "cpu"]
    assert main([*arguments, "-o", str(out), "--workers", "2"]) == 3
    error = capsys.readouterr().err
    assert f"{len(bad)} of {len(bad) + len(odd) + GOOD} images could not be segmented" in error
    assert str(out / "failed.csv") in error
    listed = reasons(out / "failed.csv")
    assert listed.keys() == {name.rsplit(".", 1)[0] for name in bad}
    for name, words in bad.items():
        assert name in listed[name.rsplit(".", 1)[0]]
        assert words in listed[name.rsplit(".", 1)[0]]
    for name in odd:
        stem = name.rsplit(".", 1)[0]
        labels = read_labels(out / f"{stem}.tif")
        assert labels.shape == read_image(tmp_path / "images" / name).shape
    same = [read_labels(out / f"{stem}.tif") for stem in ("big-endian", "equal-pages", "gray-palette")]
    assert same[0].max() > 0
    for labels in same[1:]:
        np.testing.assert_array_equal(labels, same[0])
    assert len({(out / f"good{i:04}.tif").read_bytes() for i in range(GOOD)}) == 1
    assert main([*arguments, "-o", str(tmp_path / "strict"), "--strict"]) == 1
    assert not (tmp_path / "strict" / "failed.csv").exists()


def test_scoring_finishes_the_rest_and_lists_the_bad(tmp_path):
    truth, pred = tmp_path / "truth", tmp_path / "pred"
    bad = write_bad_images(pred)
    labels = (field() > 100).astype(np.uint8)
    tifffile.imwrite(pred / "float.tif", np.where(labels, 1.5, 0).astype(np.float32))
    tifffile.imwrite(pred / "negative.tif", -labels.astype(np.int16))
    tifffile.imwrite(pred / "shape.tif", labels[1:])
    bad |= {
        "float.tif": "not whole numbers, such as 1.5",
        "negative.tif": "-1",
        "shape.tif": str((SHAPE[0] - 1, SHAPE[1])),
    }
    bad |= {
        "nan.tif": "not whole numbers, such as nan",
        "pages.tif": "has shape (2, ",
    }
    del bad["palette.png"]  # of a palette file the indices are read
    (pred / "palette.png").unlink()
    for name in ("good", "missing", *(name.rsplit(".", 1)[0] for name in bad)):
        write_labels(truth / f"{name}.tif", labels)
    write_labels(pred / "good.tif", labels)
    for i in range(1, GOOD):
        for folder in (truth, pred):
            os.link(folder / "good.tif", folder / f"good{i:04}.tif")
    bad["missing.tif"] = "no label image for missing.tif"
    found = score_folders(truth, pred, tmp_path / "scores.csv", workers=2)
    assert len(found.scores.table) == GOOD
    assert (found.scores.table["pq"] == 1).all()
    with pytest.raises(DataError, match=f"{len(bad)} of {len(bad) + GOOD} images could not be scored"):
        found.failures.finish(found.images, "scored")
    listed = reasons(tmp_path / "scores.failed.csv")
    for name, words in bad.items():
        assert words in listed[name.rsplit(".", 1)[0]], name


def test_a_tiff_that_claims_a_terabyte_is_refused_before_memory_is_taken(tmp_path):
    """This runs in a process with at most 4 GiB of address space."""
    (tmp_path / "huge.tif").write_bytes(huge_tiff())
    code = (
        "import sys; from fcrbench.io import read_image, read_labels\n"
        "from fcrbench.errors import DataError\n"
        "for read in (read_image, read_labels):\n"
        "    try:\n        read(sys.argv[1])\n"
        "    except DataError as error:\n        print(error)\n"
    )

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (1 << 32, 1 << 32))

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "huge.tif")],
        capture_output=True,
        text=True,
        preexec_fn=limit,
        check=True,
    )
    assert done.stdout.count("a file of 200 bytes that claims 1,000,000,000,000 bytes of pixels") == 2
