"""`fcrbench run --devices`: two processes give what one gives, go on from one another, and stop as one."""

import csv
import json
import os
import signal
import time

import numpy as np
import pytest
from command_line import TINY, Cli, only
from safetensors.numpy import load_file

# Three crops in batches of two: the last batch is 0 + 1.
THREE = [*TINY, "--set", "training.crops_per_image=1", "--set", "training.validate_every=1"]
FLOAT32 = ["--set", 'training.precision="32"']  # whatever the processor could do faster


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A run of two epochs in one process, and where it was after the first."""
    cli = Cli(tmp_path_factory.mktemp("alone"))
    cli("run", *THREE, *FLOAT32, "--epochs", 2)
    return only(cli.folder / "runs")


def history(run):
    rows = csv.DictReader((run / "history.csv").open())
    return [{key: float(value) for key, value in row.items() if key != "seconds"} for row in rows]


def test_two_processes_go_on_from_one_and_end_where_one_ends(cli, alone):
    cli("run", *THREE, *FLOAT32, "--epochs", 2, "--stop-after", 1, code=130)
    run = only(cli.folder / "runs")
    done = cli("run", "--resume", run, "--devices", 2)
    assert done.stdout.count("report: ") == done.stdout.count("epoch   2") == 1
    assert json.loads((run / "manifest.json").read_text())["processes"] == 2
    assert history(run)[0] == history(alone)[0]
    assert history(run)[1] == pytest.approx(history(alone)[1], rel=1e-4)
    expected = load_file(alone / "weights" / "last.safetensors")
    found = load_file(run / "weights" / "last.safetensors")
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-3, atol=1e-5, err_msg=key)
    scores = [json.loads((path / "summary.json").read_text())["metrics"] for path in (run, alone)]
    for key in ("dice", "aji", "pq"):
        assert scores[0][key]["mean"] == pytest.approx(scores[1][key]["mean"], rel=1e-3)


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_stops_all_with_one_checkpoint(cli, alone):
    process = cli.start("run", *THREE, *FLOAT32, "--epochs", 3000, "--devices", 2)
    deadline = time.monotonic() + 300
    while not list((cli.folder / "runs").glob("*/checkpoints/last.ckpt")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130, error
    assert error.count("nothing is lost") == error.count("fcrbench: error") == 1
    assert "Traceback" not in error
    run = only(cli.folder / "runs")
    assert not (run / "summary.json").exists()
    # Until then it trained as one process does: the rates of the warm-up do not depend on the epochs to come.
    assert history(run)[0] == pytest.approx(history(alone)[0], rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--devices", "0"], "--devices 0: expected at least 1"),
        (["--devices", "2", "--weights", "default"], "scored by one process"),
    ],
)
def test_wrong_numbers_are_refused(cli, arguments, words):
    assert words in cli.fails("run", *arguments, code=2)
    assert list(cli.folder.iterdir()) == []
