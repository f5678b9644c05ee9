"""Folders that cannot be written to, and folders that two runs write to at once."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from fcrbench import datasets
from fcrbench.io import write_labels, write_png
from fcrbench.jobs.predict import predict_images

_NO_CAPABILITY, _OVERRIDE = 24, 1  # prctl's PR_CAPBSET_DROP, CAP_DAC_OVERRIDE


def as_bound_by_permissions() -> None:
    """Give up root's right to ignore file permissions. It is called in a new process before it starts."""
    if os.geteuid() == 0:
        import ctypes

        ctypes.CDLL(None).prctl(_NO_CAPABILITY, _OVERRIDE, 0, 0, 0)


def start(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        preexec_fn=as_bound_by_permissions,
    )


@pytest.fixture
def read_only(tmp_path):
    folder = tmp_path / "read-only"
    folder.mkdir()
    folder.chmod(0o555)
    if start("import sys; open(sys.argv[1] + '/x', 'w')", str(folder)).returncode == 0:
        pytest.skip("this system lets its user write everywhere")
    yield folder
    folder.chmod(0o755)


@pytest.fixture
def fields(tmp_path):
    """Write two crops of real fields as PNG, and their labels."""
    dataset = datasets.create("sample")
    for name, key in zip("ab", dataset.splits["val"], strict=False):
        sample = dataset.load(key)
        write_png(tmp_path / "images" / f"{name}.png", sample.image[:100, :120])
        write_labels(tmp_path / "labels" / f"{name}.tif", sample.labels[:100, :120])
    return tmp_path


def test_every_command_says_that_its_folder_is_read_only(fields, read_only):
    """The error comes at once, in one line that names the folder, and nothing is left behind."""
    zarr = pytest.importorskip("zarr")
    zarr.create_array(fields / "slide.zarr", data=np.zeros((40, 40), np.uint8), chunks=(32, 32))
    images, labels, slide = (str(fields / name) for name in ("images", "labels", "slide.zarr"))
    commands = [
        ["predict", images, "--device", "cpu", "-o"],
        ["predict", slide, "--device", "cpu", "-o"],
        ["score", labels, labels, "-o"],
        ["export", labels, "--to", "geojson", "-o"],
        ["export", labels, "--to", "coco", "-o"],
        ["export", labels, "--to", "table", "-o"],
        ["run", "--weights", "default", "--device", "cpu", "--output"],
        ["table", "--methods", "fcrnet", "--device", "cpu", "-o"],
        ["robustness", "--device", "cpu", "--images", "1", "-o"],
        ["data", "fetch", "bbbc039", "--base-url", "http://127.0.0.1:9", "-o"],
    ]
    ends = {"score": "s.csv", "coco": "c.json", "table": "t.csv"}
    given = [
        [*command, str(read_only / next((ends[word] for word in command[:4] if word in ends), "out"))]
        for command in commands
    ]
    code = (
        "import contextlib, io, json, sys\n"
        "from fcrbench.cli import main\n"
        "for command in json.loads(sys.argv[1]):\n"
        "    with contextlib.redirect_stderr(io.StringIO()) as errors:\n"
        "        with contextlib.redirect_stdout(io.StringIO()) as out: code = main(command)\n"
        "    print(json.dumps([code, errors.getvalue(), out.getvalue()]))\n"
    )
    done = start(code, json.dumps(given))
    assert done.returncode == 0, done.stderr
    for command, line in zip(given, done.stdout.splitlines(), strict=True):
        exit_code, error, out = json.loads(line)
        assert exit_code == 1, (command, error)
        assert str(read_only) in error, command
        assert "Permission denied" in error, command
        *warnings, last = error.splitlines()
        assert last.startswith("fcrbench: error: "), error
        assert all("are the same files" in line for line in warnings), error
        assert " AP " not in out, "the work was done before"
    assert not list(read_only.iterdir())
    assert {path.name for path in fields.iterdir()} == {"images", "labels", "slide.zarr", "read-only"}


def test_two_predictions_into_one_folder_at_once(fields):
    """All files are complete and equal those of a single prediction."""
    predict_images([fields / "images"], "default", fields / "alone", device="cpu")
    errors = []
    both = threading.Barrier(2)

    def predict():
        both.wait()
        try:
            predict_images([fields / "images"], "default", fields / "both", device="cpu", overwrite=True)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=predict) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    alone, both_ = ({p.name: p.read_bytes() for p in (fields / name).iterdir()} for name in ("alone", "both"))
    assert both_ == alone
    assert len(alone) == 4
