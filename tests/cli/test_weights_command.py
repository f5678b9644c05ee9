"""Weights that users name: predicted with, scored without training, trained further."""

import csv
import hashlib
import json
import shutil
import tomllib

import numpy as np
import pytest
import tifffile
from command_line import TINY, files, only
from safetensors.numpy import load_file

from fcrbench import datasets, weights
from fcrbench.io import write_labels

DATA = TINY[:10]  # the fields of TINY without its training


@pytest.fixture(scope="module")
def fields(tmp_path_factory):
    """A user's folder: images/ and masks/ with four drawn fields."""
    folder = tmp_path_factory.mktemp("mine")
    drawn = datasets.create("synthetic", size=64, n_nuclei=6, n_train=4, n_val=0)
    (folder / "images").mkdir()
    for sample in drawn.samples("train"):
        tifffile.imwrite(folder / "images" / f"{sample.id}.tif", sample.image)
        write_labels(folder / "masks" / f"{sample.id}.tif", sample.labels)
    return folder


def history(run):
    rows = list(csv.DictReader((run / "history.csv").open()))
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def test_predict_needs_no_weights(cli, fields):
    cli("predict", fields / "images", "-o", "out")
    cli("predict", fields / "images", "-o", "named", "--weights", "default")
    assert files(cli.folder / "out") == files(cli.folder / "named")
    assert len(files(cli.folder / "out")) == 8


def test_the_packaged_weights_segment_real_fields(cli):
    cli("run", "--weights", "default", "--dataset", "sample")
    run = only(cli.folder / "runs")
    summary = json.loads((run / "summary.json").read_text())
    assert summary["metrics"]["ap"]["mean"] > 0.78
    assert summary["metrics"]["f1"]["mean"] > 0.94
    assert summary["parameters"] <= 2_800_000
    manifest = json.loads((run / "manifest.json").read_text())
    path = weights.resolve("default")
    assert manifest["weights"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert tomllib.loads((run / "config.toml").read_text())["weights"] == "default"


def test_weights_are_scored_without_training(cli, trained):
    """The run that made them scored the same fields: every row must come out again."""
    file = cli.folder / "w.safetensors"
    shutil.copy(trained / "weights" / "last.safetensors", file)
    cli("run", "--weights", file, *DATA)
    run = only(cli.folder / "runs")
    present = {path for path in files(run) if not path.startswith("predictions")}
    assert present == {
        *("config.toml", "manifest.json", "images.csv", "summary.json", "report.html"),
        "weights/last.safetensors",
    }
    assert (run / "images.csv").read_text() == (trained / "images.csv").read_text()
    summary = json.loads((run / "summary.json").read_text())
    assert "training" not in summary
    given = json.loads((run / "manifest.json").read_text())["weights"]
    assert given["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert "<h2>Training</h2>" not in (run / "report.html").read_text()
    assert given["sha256"] in (run / "report.html").read_text()

    cli("run", "--config", run / "config.toml", "--output", "again")
    again = only(cli.folder / "again")
    assert (again / "config.toml").read_text() == (run / "config.toml").read_text()
    assert (again / "images.csv").read_text() == (run / "images.csv").read_text()

    # Interrupted before the report: finished with the same weights, not with others.
    (again / "report.html").unlink()
    cli("run", "--resume", again)
    assert (again / "report.html").is_file()
    shutil.copy(weights.resolve("default"), file)
    line = cli.fails("run", "--resume", again)
    assert "w.safetensors have changed since" in line


def test_a_run_from_weights_starts_with_them_and_resumes(cli, trained):
    start = ("run", "--init", trained, *TINY, "--epochs", 2, "--set", "training.validate_every=1")
    cli(*start, "--output", "halves", "--stop-after", 1, code=130)
    half = only(cli.folder / "halves")
    cli("run", "--resume", half)
    cli("run", "--config", half / "config.toml", "--output", "whole")
    whole = only(cli.folder / "whole")
    first, second = (load_file(run / "weights" / "last.safetensors") for run in (whole, half))
    assert all(np.array_equal(first[key], second[key]) for key in first)
    assert history(whole) == history(half)
    assert [row["epoch"] for row in history(half)] == ["0", "1", "2"]
    # epoch 0 is the end of the run that the weights are from
    assert history(half)[0]["val_pq"] == history(trained)[-1]["val_pq"]
    assert history(half)[0]["loss"] == ""
    given = json.loads((half / "manifest.json").read_text())["weights"]
    assert given["use"] == "start of the training"
    config = tomllib.loads((half / "config.toml").read_text())
    assert config["init"] == str(trained.resolve())


def test_finetune_trains_on_a_users_folder(cli, fields):
    cli("finetune", fields, "--epochs", 1, "--set", "training.crop=32")
    run = only(cli.folder / "runs")
    assert [row["epoch"] for row in history(run)] == ["0", "1"]
    config = tomllib.loads((run / "config.toml").read_text())
    assert config["init"] == "default"
    assert config["training"]["learning_rate"] == 5e-4
    assert (config["dataset"]["name"], config["dataset"]["root"]) == ("folder", str(fields))
    cli("predict", fields / "images", "--weights", run, "-o", "out")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--weights", "default", "--init", "default"], 2, ["weights", "init"]),
        (["--weights", "default", "--epochs", "3"], 2, ["--weights", "--epochs"]),
        (["--weights", "nowhere"], 1, ["no weights at nowhere", "default"]),
        (["--init", "nowhere"], 1, ["no weights at nowhere"]),
        (["--init", "default", "--method", "dcan"], 2, ["default are of method fcrnet, not dcan"]),
        (["--init", "default", "--set", "options.colors=7"], 1, ["does not fit", "head", "7"]),
        (["--weights", "default", "--set", "options.colours=7"], 2, ["'colours'"]),
    ],
)
def test_weights_that_cannot_serve_are_refused(cli, arguments, code, words):
    line = cli.fails("run", *arguments, *DATA, code=code)
    for word in words:
        assert word in line
    assert not (cli.folder / "runs").exists()
