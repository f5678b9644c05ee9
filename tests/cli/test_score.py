"""`fcrbench score` and the listings."""

import csv
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from command_line import files

from fcrbench.io import write_labels, write_png


@pytest.fixture
def folders(cli):
    """Three pairs: a perfect one, one with half of its objects missed, one without objects."""
    truth, pred = cli.folder / "truth", cli.folder / "pred"
    labels = np.zeros((20, 30), np.int32)
    labels[2:8, 2:8] = 1
    labels[12:18, 20:28] = 2
    for stem, found in {"a": labels, "b": np.where(labels == 2, 0, labels), "c": 0 * labels}.items():
        write_labels(truth / f"{stem}.tif", 0 * labels if stem == "c" else labels)
        write_png(pred / f"{stem}.png", found.astype(np.uint8))
    return truth, pred


def test_scores_and_summary(cli, folders):
    done = cli("score", *folders, "-o", "scores.csv")
    rows = {row["image"]: row for row in csv.DictReader((cli.folder / "scores.csv").open())}
    assert list(rows) == ["a", "b", "c"]
    assert float(rows["a"]["pq"]) == 1
    assert float(rows["b"]["pq"]) == pytest.approx(1 / 1.5)
    assert rows["c"]["pq"] == ""
    assert "3 images, 1 without any object" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("PQ ")]
    assert "0.8333" in line  # the mean of 1 and 2/3
    assert "0.8571" in line  # pooled: 3 of 4 objects found


def test_more_predictions_than_truths_are_fine(cli, folders):
    truth, _ = folders
    (truth / "b.tif").unlink()
    assert "2 images" in cli("score", *folders).stdout


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ("no prediction", ["no label image for b.tif"]),
        ("no truth", ["no label image in", "truth"]),
        ("no folder", ["pred"]),
        ("another shape", ["b.png", "(20, 31)", "(20, 30)"]),
        ("float labels", ["b.tif", "600 labels are not whole numbers"]),
        ("negative labels", ["b.tif", "-1"]),
        ("colour labels", ["b.png", "3 channels (red, green, blue) of a picture"]),
        ("truncated", ["b.png"]),
        ("empty file", ["b.png"]),
    ],
)
def test_bad_input_is_named_and_earlier_scores_stay(cli, folders, found, words):
    truth, pred = folders
    (cli.folder / "scores.csv").write_text("earlier")
    bad = pred / "b.png"
    if found == "truncated":
        bad.write_bytes(bad.read_bytes()[:60])
    else:
        bad.unlink()
    if found == "no truth":
        for path in truth.iterdir():
            path.unlink()
    elif found == "no folder":
        for path in pred.iterdir():
            path.unlink()
        pred.rmdir()
    elif found == "another shape":
        write_png(bad, np.zeros((20, 31), np.uint8))
    elif found == "float labels":
        tifffile.imwrite(pred / "b.tif", np.full((20, 30), 0.5, np.float32))
    elif found == "negative labels":
        tifffile.imwrite(pred / "b.tif", np.full((20, 30), -1, np.int16))
    elif found == "colour labels":
        write_png(bad, np.arange(1800, dtype=np.uint16).reshape(20, 30, 3).astype(np.uint8))
    elif found == "empty file":
        bad.write_bytes(b"")
    line = cli.fails("score", truth, pred, "-o", "scores.csv", "--strict")
    for word in words:
        assert word in line
    assert files(cli.folder)["scores.csv"] == b"earlier"
    assert not [name for name in files(cli.folder) if "/." in name or name.startswith(".")]
    if found in ("no truth", "no folder"):
        return
    done = cli("score", truth, pred, "-o", "scores.csv", code=3)  # without --strict the others are scored
    assert "2 images, 1 without any object" in done.stdout
    assert "1 of 3 images could not be scored: " in done.stderr
    rows = list(csv.DictReader((cli.folder / "scores.csv").open()))
    assert [row["image"] for row in rows] == ["a", "c"]
    (failed,) = csv.DictReader((cli.folder / "scores.failed.csv").open())
    assert failed["image"] == "b"
    for word in words:
        assert word in failed["reason"]


def test_a_full_disk_keeps_the_earlier_scores(cli, folders):
    import resource

    (cli.folder / "scores.csv").write_text("earlier")

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    line = cli.fails("score", *folders, "-o", "scores.csv", preexec_fn=limit)
    assert "cannot write scores.csv" in line
    assert (cli.folder / "scores.csv").read_text() == "earlier"


def test_listings_name_everything(cli):
    methods = cli("methods").stdout
    assert "fcrnet" in methods
    assert "--preset paper" in methods
    assert "options.colors=4" in methods
    datasets = cli("datasets").stdout
    for name in ("sample", "bbbc039", "bbbc006", "dsb2018", "folder", "synthetic"):
        assert f"\n{name}: " in "\n" + datasets


@pytest.mark.parametrize("command", ["run", "predict", "score", "methods", "datasets", "data fetch"])
def test_help_shows_an_example(cli, command):
    assert f"Example: fcrbench {command}" in cli(*command.split(), "--help").stdout


def test_unknown_commands_are_refused_with_the_close_one(cli):
    assert "run" in cli.fails("rnu", code=2)


def test_the_installed_command_is_the_module(cli):
    script = subprocess.run(
        [sys.executable, "-c", "import sys; from fcrbench.cli import main; sys.exit(main(['--version']))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert script.stdout == cli("--version").stdout


def test_without_torch_the_extra_is_named():
    code = "import sys; sys.modules['torch'] = None; from fcrbench.cli import main; sys.exit(main(['run']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == 'fcrbench: error: this command needs torch: pip install "fcrbench[train]"\n'


def test_unknown_data_set_to_fetch(cli):
    line = cli.fails("data", "fetch", "bbbc93", code=2)
    assert "bbbc039" in line
    assert list(cli.folder.iterdir()) == []
