"""One image has scores but no interval: every page and table leaves it out and says nothing of NaN."""

import json
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from fcrbench import metrics
from fcrbench.comparison import compare_runs
from fcrbench.datasets import Dataset
from fcrbench.report import comparison_files, text, write_report
from fcrbench.work.atomic import write_json


@pytest.fixture(autouse=True)
def no_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("error", UserWarning)
        yield


@pytest.fixture
def runs(
    tmp_path: Path, sample: Dataset, sample_predictions: dict[str, np.ndarray], new_run: Callable
) -> list[Path]:
    """Two configurations on the same field, their summaries as a run writes them."""
    name = list(sample_predictions)[2]
    made = []
    for colors in (3, 4):
        run = new_run(tmp_path / f"run{colors}", sample, {name: sample_predictions[name]})
        write_json(run / "summary.json", json.loads((run / "summary.json").read_text()))
        manifest = json.loads((run / "manifest.json").read_text())
        manifest["dataset"]["sha256"] = dict.fromkeys(("train", "val"), "0")
        write_json(run / "manifest.json", manifest)
        config = run / "config.toml"
        config.write_text(config.read_text() + f"\n[options]\ncolors = {colors}\n")
        made.append(run)
    return made


def clean(page: str) -> None:
    assert not re.search(r"\bnan\b", re.sub(r'base64,[^"]*', "", page), re.IGNORECASE)


def test_the_report_of_a_run(runs: list[Path], sample: Dataset) -> None:
    summary = json.loads((runs[0] / "summary.json").read_text())
    assert summary["metrics"]["pq"]["low"] is None
    page = write_report(runs[0], sample).read_text()
    clean(page)
    assert "95 % interval of the mean" not in page
    lines = "\n".join(text.run_lines(runs[0]))
    clean(lines)
    assert re.search(r"PQ +0\.\d{4}   - +0\.\d{4}\n", lines)


def test_the_comparison_of_runs(runs: list[Path], sample: Dataset, tmp_path: Path) -> None:
    comparison = compare_runs(runs)
    for row in comparison.rows:
        assert np.isnan([row.scores["pq"].low, row.scores["splits"].high]).all()
    comparison_files.write(comparison, sample, tmp_path / "table")
    for name in ("table.md", "table.tex", "table.csv", "table.html"):
        clean((tmp_path / "table" / name).read_text())


def test_what_the_terminal_says_of_nothing() -> None:
    nothing = np.zeros((2, 2), int)
    lines = text.score_lines(metrics.score_dataset([("a", nothing, nothing)]).summary())
    clean("\n".join(lines))
