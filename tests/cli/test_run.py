"""`fcrbench run`: the files that it writes, interruptions, and what it refuses."""

import csv
import ctypes
import json
import os
import resource
import signal
import time
import tomllib

import numpy as np
import pytest
import tifffile
from command_line import TINY, Cli, files, only
from safetensors.numpy import load_file

from fcrbench.io import write_labels, write_png


def test_a_run_leaves_everything_that_the_readme_names(trained):
    present = {path for path in files(trained) if not path.startswith("predictions")}
    assert present == {
        "config.toml",
        "manifest.json",
        "history.csv",
        "images.csv",
        "summary.json",
        "report.html",
        "checkpoints/last.ckpt",
        "weights/best.safetensors",
        "weights/last.safetensors",
    }
    rows = list(csv.DictReader((trained / "images.csv").open()))
    assert len(rows) == 2
    for row in rows:
        labels = tifffile.imread(trained / "predictions" / f"{row['image']}.tif")
        assert labels.shape == (64, 64)
        assert int(labels.max()) == int(row["n_pred"])
    summary = json.loads((trained / "summary.json").read_text())
    assert summary["metrics"]["pq"]["mean"] == pytest.approx(np.mean([float(row["pq"]) for row in rows]))
    manifest = json.loads((trained / "manifest.json").read_text())
    assert manifest["method"]["parameters"] == 2_748_692
    assert set(manifest["dataset"]["splits"]) >= {"train", "val"}
    history = list(csv.DictReader((trained / "history.csv").open()))
    assert [int(row["epoch"]) for row in history] == [1, 2]
    assert history[-1]["val_pq"] != ""


def test_config_toml_repeats_the_run(trained, cli):
    cli("run", "--config", trained / "config.toml")
    again = only(cli.folder / "runs")
    assert (again / "config.toml").read_text() == (trained / "config.toml").read_text()
    first, second = (load_file(run / "weights" / "last.safetensors") for run in (trained, again))
    assert all(np.array_equal(first[key], second[key]) for key in first)
    assert (again / "images.csv").read_text() == (trained / "images.csv").read_text()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A finished run of four epochs of three steps, validated after the second and the fourth."""
    folder = tmp_path_factory.mktemp("undisturbed")
    Cli(folder)("run", *TINY, "--epochs", 4)
    return only(folder / "runs")


def assert_equal_runs(first, second):
    """Weights to the last bit, scores, history but for the seconds, predicted labels."""
    for name in ("last", "best"):
        one, other = (load_file(run / "weights" / f"{name}.safetensors") for run in (first, second))
        assert all(np.array_equal(one[key], other[key]) for key in one)
    assert (first / "images.csv").read_text() == (second / "images.csv").read_text()
    assert files(first / "predictions") == files(second / "predictions")

    def curve(run):
        rows = list(csv.DictReader((run / "history.csv").open()))
        return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]

    assert curve(first) == curve(second)


def test_a_stopped_and_resumed_run_equals_an_undisturbed_one(cli, undisturbed):
    """2 + 2 epochs = 4, to the last bit, and the second half starts amid nothing that is lost."""
    line = cli.fails("run", *TINY, "--epochs", 4, "--output", "halves", "--stop-after", 2, code=130)
    half = only(cli.folder / "halves")
    assert f"--resume halves/{half.name}" in line
    cli("run", "--resume", half)
    assert_equal_runs(undisturbed, half)


KILL_IN_TRAINING = """
from fcrbench.training.engine import Trainer
plain = Trainer._step
def step(self, *given):
    plain(self, *given)
    if self.state.step == 8:  # the second of the third epoch; the checkpoint is after the second epoch
        os.kill(os.getpid(), signal.SIGKILL)
Trainer._step = step
"""
KILL_IN_EVALUATION = """
from fcrbench.evaluation import evaluate as evaluation
from fcrbench.work.atomic import atomic_path
plain = evaluation.write_labels
def write(path, labels):
    if path.stem.endswith("1"):
        with atomic_path(path) as temporary:
            temporary.write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
    plain(path, labels)
evaluation.write_labels = write
"""


@pytest.mark.skipif(os.name != "posix", reason="sends SIGKILL")
def test_killed_in_training_then_in_evaluation_equals_an_undisturbed_run(cli, undisturbed):
    cli.killed(KILL_IN_TRAINING, "run", *TINY, "--epochs", 4)
    run = only(cli.folder / "runs")
    assert len((run / "history.csv").read_text().splitlines()) == 3
    assert not list(run.glob("predictions/*"))
    cli.killed(KILL_IN_EVALUATION, "run", "--resume", run)
    assert len(list(run.glob("predictions/*"))) == 2  # a whole one, and half of one under a hidden name
    assert not (run / "summary.json").exists()
    cli("run", "--resume", run)
    assert_equal_runs(undisturbed, run)
    assert sorted(files(run)) == sorted(files(undisturbed))


@pytest.mark.skipif(os.name != "posix", reason="needs permissions")
def test_a_read_only_folder_is_named(cli):
    def obey_permissions():  # which root does not, unless it gives that up
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            ctypes.CDLL(None).prctl(24, capability)  # PR_CAPBSET_DROP

    output = cli.folder / "runs"
    output.mkdir(mode=0o500)
    line = cli.fails("run", *TINY, "--output", output, preexec_fn=obey_permissions)
    assert f"cannot create {output}/" in line
    assert "Permission denied" in line
    assert list(output.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_saves_and_the_run_can_be_resumed(cli):
    process = cli.start("run", *TINY, "--epochs", 3000, "--set", "training.validate_every=1")
    folder = cli.folder / "runs"
    deadline = time.monotonic() + 120
    while not list(folder.glob("*/history.csv")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "nothing is lost" in error
    assert "Traceback" not in error
    run = only(folder)
    assert (run / "checkpoints" / "last.ckpt").is_file()
    assert not (run / "report.html").exists()
    assert (run / "manifest.json").is_file()
    before = len((run / "history.csv").read_text().splitlines())
    cli("run", "--resume", run, "--stop-after", before + 1, code=130)
    assert len((run / "history.csv").read_text().splitlines()) == before + 2


def test_all_background_fields_are_trained_on(cli):
    folder = cli.folder / "fields"
    rng = np.random.default_rng(0)
    for name in "abcd":
        write_png(folder / "images" / f"{name}.png", rng.integers(0, 255, (40, 40)).astype(np.uint8))
        write_labels(folder / "masks" / f"{name}.tif", np.zeros((40, 40), np.int32))
    cli("run", "--dataset", "folder", "--root", folder, "--epochs", 1, "--set", "training.crop=32")
    summary = json.loads((only(cli.folder / "runs") / "summary.json").read_text())
    assert summary["n_images"] == 1


def test_settings_reach_the_run(cli):
    (cli.folder / "run.toml").write_text("seed = 7\n[training]\nlearning_rate = 0.01\ncrop = 16\n")
    done = cli(
        "run", "--config", "run.toml", *TINY, "--epochs", 1, "--preset", "paper", "--set", "options.colors=3"
    )
    run = only(cli.folder / "runs")
    assert (
        f"fcrnet (paper) on synthetic: 3 fields to train on, 2 to validate; in runs/{run.name}" in done.stdout
    )
    config = tomllib.loads((run / "config.toml").read_text())
    assert (config["seed"], config["training"]["learning_rate"]) == (7, 0.01)
    assert config["training"]["crop"] == 32  # the command line wins
    assert config["training"]["schedule"] == "staircase"  # from the preset
    assert config["options"]["colors"] == 3
    assert config["options"]["loss"] == "similarity"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--method", "fcrnt"], 2, ["'fcrnt'", "did you mean 'fcrnet'"]),
        (["--dataset", "sampel"], 2, ["'sampel'", "sample", "bbbc006"]),
        (["--preset", "papr"], 2, ["'papr'", "paper"]),
        (["--set", "training.epchs=3"], 2, ["'epchs'", "did you mean 'epochs'"]),
        (["--set", "options.colours=3"], 2, ["'colours'", "did you mean 'colors'"]),
        (["--set", "training.epochs=many"], 2, ["training.epochs", "'many'", "integer"]),
        (["--epochs", "0"], 2, ["training.epochs is 0", "at least 1"]),
        (["--set", "training.crop=100"], 2, ["training.crop is 100", "multiple of 16", "fcrnet"]),
        (["--set", "epochs"], 2, ["KEY=VALUE"]),
        (["--epchs", "3"], 2, ["--epchs", "--epochs"]),
        (["--dataset", "bbbc006"], 2, ["bbbc006", "root"]),
        (["--dataset", "folder", "--root", "nowhere"], 1, ["nowhere"]),
        (["--config", "nowhere.toml"], 2, ["nowhere.toml", "No such file"]),
        (["--device", "gpu"], 2, ["gpu", "cuda"]),
        (["--resume", "nowhere"], 1, ["nowhere", "config.toml"]),
        (["--resume", "nowhere", "--epochs", "3"], 2, ["--resume"]),
    ],
)
def test_a_wrong_argument_is_named_and_leaves_nothing(cli, arguments, code, words):
    line = cli.fails("run", *arguments, code=code)
    for word in words:
        assert word in line
    assert list(cli.folder.iterdir()) == []


def test_a_mistyped_toml_key_is_refused_with_the_close_one(cli):
    (cli.folder / "run.toml").write_text("[training]\nlearning_rat = 0.1\n")
    line = cli.fails("run", "--config", "run.toml", code=2)
    assert "'learning_rat'" in line
    assert "did you mean 'learning_rate'" in line
    (cli.folder / "run.toml").write_text("[training\n")
    assert "run.toml is not valid TOML" in cli.fails("run", "--config", "run.toml", code=2)
    (cli.folder / "run.toml").write_text(f"[options]\n{'.'.join(400 * ['a'])} = 1")
    assert "run.toml: tables or arrays are nested more than 32 deep" in cli.fails(
        "run", "--config", "run.toml", code=2
    )


def test_cuda_without_a_gpu_is_refused(cli):
    cli.environment |= {"CUDA_VISIBLE_DEVICES": "-1"}
    line = cli.fails("run", *TINY, "--device", "cuda")
    assert "no CUDA device" in line
    assert list(cli.folder.iterdir()) == []


@pytest.mark.parametrize(
    "found", ["nothing", "no mask", "wrong shape", "colour image", "colour mask", "cut image"]
)
def test_a_bad_data_set_is_named_and_leaves_no_run(cli, found):
    images, masks = cli.folder / "fields" / "images", cli.folder / "fields" / "masks"
    gray = np.arange(1600, dtype=np.uint8).reshape(40, 40) if found else None
    images.mkdir(parents=True)
    masks.mkdir()
    if found != "nothing":
        for name in "abc":
            write_png(images / f"{name}.png", gray)
            write_labels(masks / f"{name}.tif", np.ones((40, 40), np.int32))
    word = {
        "nothing": "images",
        "no mask": "b",
        "wrong shape": "40x41",
        "colour image": "b.png",
        "colour mask": "b.png",
        "cut image": "images/b.png",
    }[found]
    if found == "no mask":
        (masks / "b.tif").unlink()
    elif found == "wrong shape":
        write_labels(masks / "b.tif", np.ones((40, 41), np.int32))
    elif found == "colour image":
        write_png(images / "b.png", np.stack([gray, gray, gray + 1], axis=-1))
    elif found == "cut image":
        (images / "b.png").write_bytes((images / "b.png").read_bytes()[:-30])
    elif found == "colour mask":
        (masks / "b.tif").unlink()
        write_png(masks / "b.png", np.stack([gray, gray, gray + 1], axis=-1))
    line = cli.fails("run", "--dataset", "folder", "--root", "fields", "--epochs", 1)
    assert word in line
    assert not (cli.folder / "runs").exists()


def test_a_truncated_checkpoint_is_refused_and_the_rest_stays(cli):
    cli("run", *TINY, "--epochs", 2, "--stop-after", 1, code=130)
    run = only(cli.folder / "runs")
    checkpoint = run / "checkpoints" / "last.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:5000])
    before = files(run)
    line = cli.fails("run", "--resume", run)
    assert "last.ckpt" in line
    assert "truncated" in line
    assert files(run) == before


def test_two_runs_in_one_second_do_not_share_a_folder(cli):
    processes = [cli.start("run", *TINY, "--epochs", 1) for _ in range(2)]
    codes = sorted(process.wait(timeout=300) for process in processes)
    runs = list((cli.folder / "runs").iterdir())
    assert len(runs) == len([code for code in codes if code == 0])
    for process in processes:
        process.stdout.close()
        process.stderr.close()


def test_a_full_disk_stops_the_run_in_one_line_and_it_can_be_resumed(cli):
    """The largest file that may be written stands in for the disk: weights do not fit, the rest does."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    line = cli.fails("run", *TINY, "--epochs", 1, preexec_fn=limit)
    assert "cannot write" in line
    run = only(cli.folder / "runs")
    left = files(run)
    assert "config.toml" in left
    assert not [name for name in left if name.startswith("weights") or "/." in name]
    cli("run", "--resume", run)
    assert (run / "report.html").is_file()
