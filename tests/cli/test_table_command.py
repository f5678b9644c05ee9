"""`fcrbench table`: all runs of a table, kept, gone on with, failed."""

import json
import tomllib

import pandas as pd
import pytest
from command_line import TINY, files

TABLE = [*TINY, "--epochs", 1]

# A distribution with a method that cannot be run and one without parameters, found through its metadata.
PLUGIN = """
from dataclasses import dataclass
from fcrbench.methods.base import Method, MethodSpec, Preset

@dataclass(frozen=True)
class Options:
    above: float = 0.0

class Threshold(Method):
    def build(self):
        from torch import nn
        return nn.Identity()
    def losses(self, output, labels, progress): ...
    def scores(self, output):
        return output.float()
    def postprocess(self, scores):
        from scipy.ndimage import label
        return label(scores[0] > self.options.above)[0].astype("int32")

class Broken(Threshold):
    def build(self):
        raise RuntimeError("no network today")

PRESETS = {"default": Preset("")}
THRESHOLD = MethodSpec("threshold", "All above", "nobody", "plugin:Threshold", Options, PRESETS)
BROKEN = MethodSpec("broken", "Always fails", "nobody", "plugin:Broken", Options, PRESETS)
"""


@pytest.fixture
def with_plugin(cli):
    """The command line with two further methods installed."""
    site = cli.folder / "site"
    info = site / "plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "plugin.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    points = "[fcrbench.methods]\nbroken = plugin:BROKEN\nthreshold = plugin:THRESHOLD\n"
    (info / "entry_points.txt").write_text(points)
    cli.fresh = True
    cli.environment |= {"PYTHONPATH": str(site)}
    return cli


def configs(folder):
    return {path.parent.name: tomllib.loads(path.read_text()) for path in folder.glob("*/config.toml")}


def test_every_method_gets_the_same_budget_and_finished_runs_are_kept(cli):
    command = ("table", *TABLE, "--methods", "fcrnet, fcrnet (paper)  colors=3 alpha=[2.0, 4.0]", "-o", "out")
    label = "fcrnet (paper) colors=3 alpha=[2.0, 4.0]"
    done = cli(*command)
    starting = f"[2/2] {label}, seed 0: starting, with epochs 1, not 600; crops_per_image 2, not 1; crop 32"
    assert starting in done.stdout
    found = configs(cli.folder / "out" / "runs")
    assert sorted((c["preset"], c["options"]["colors"]) for c in found.values()) == [
        ("default", 4),
        ("paper", 3),
    ]
    for config in found.values():  # the preset "paper" wants 600 epochs of one crop of 512
        training = config["training"]
        assert (training["epochs"], training["crops_per_image"], training["crop"]) == (1, 2, 32)
    printed = " ".join(done.stdout.split())
    assert "Every trained method saw 6 crops of 32" in printed
    assert f"for {label}: epochs 1, not 600; crops_per_image 2, not 1; crop 32, not 512" in printed
    table = pd.read_csv(cli.folder / "out" / "table.csv").set_index("label")
    assert list(table.index[:2]) == ["fcrnet", label]
    for name, config in found.items():
        summary = json.loads((cli.folder / "out" / "runs" / name / "summary.json").read_text())
        row = table.loc["fcrnet" if config["preset"] == "default" else label]
        for score in ("dice2", "aji", "f1", "pq", "sq", "rq", "ap"):
            assert row[score] == pytest.approx(summary["metrics"][score]["mean"])
        for stage in ("network", "postprocess"):
            speed = f"{stage}_images_per_second"
            assert row[speed] == pytest.approx(summary["throughput"][speed])

    before = files(cli.folder / "out")
    assert cli(*command).stdout.count("finished in out/runs/") == 2
    assert files(cli.folder / "out") == before


def test_failures_are_named_and_an_interrupted_run_is_gone_on_with(with_plugin):
    cli = with_plugin
    cli("run", *TABLE[:-1], 2, "--output", "out/runs", "--stop-after", 1, code=130)
    (name,) = configs(cli.folder / "out" / "runs")
    line = cli.fails("table", *TABLE[:-1], 2, "--methods", "broken,fcrnet", "-o", "out", code=3)
    assert "not in the table: broken, seed 0: RuntimeError: no network today" in line
    assert "Traceback" in (cli.folder / "out" / "failures.txt").read_text()
    history = (cli.folder / "out" / "runs" / name / "history.csv").read_text().splitlines()
    assert len(history) == 3
    assert pd.read_csv(cli.folder / "out" / "table.csv")["label"].iloc[0] == "fcrnet"
    assert (cli.folder / "out" / "table.html").is_file()


def test_what_is_not_trained_needs_no_second_seed(with_plugin):
    done = with_plugin("table", *TABLE, "--methods", "threshold", "--seeds", "0,1", "-o", "out")
    assert "[2/2] threshold, seed 1: nothing to train" in done.stdout
    row = pd.read_csv(with_plugin.folder / "out" / "table.csv", dtype={"seeds": str}).iloc[0]
    assert (row["seeds"], row["parameters"], row["training_crops"]) == ("0", 0, 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--methods", "fcrnt"], ["'fcrnt'", "did you mean 'fcrnet'"]),
        (["--methods", "fcrnet,,classical"], ["--methods"]),
        (["--methods", "fcrnet colours=3"], ["'colours'", "did you mean 'colors'"]),
        (["--methods", "fcrnet colors"], ["'fcrnet colors'", "OPTION=VALUE"]),
        (["--methods", "fcrnet (papr)"], ["'papr'", "paper"]),
        (["--seeds", "0;1"], ["--seeds '0;1'", "whole numbers"]),
        (["--set", "options.colors=3"], ["options cannot be set for all methods"]),
        (["--set", "seed=3"], ["seed cannot be set"]),
        (["--set", "training.epchs=3"], ["did you mean 'epochs'"]),
        (["--epochs", "0"], ["training.epochs is 0"]),
    ],
)
def test_a_wrong_argument_is_named_and_leaves_nothing(cli, arguments, words):
    line = cli.fails("table", *arguments, code=2)
    for word in words:
        assert word in line
    assert list(cli.folder.iterdir()) == []
