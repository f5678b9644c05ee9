"""Intervals over images: known values, the definition, and the coverage."""

import importlib.util
import json
import math
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fcrbench import metrics
from fcrbench.metrics import jackknife
from fcrbench.metrics.pooled import PIXEL_RATIOS, RATIO_COLUMNS, mean_terms, means_from_sums
from fcrbench.metrics.scores import AP_COLUMNS, COLUMNS


@pytest.fixture(autouse=True)
def no_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def scores(found: np.ndarray, iou: np.ndarray, objects: np.ndarray) -> pd.DataFrame:
    """Return a table of images with `objects` nuclei and predictions, `found` of which match at this IoU."""
    ratio = found / objects
    table = pd.DataFrame(dict.fromkeys(COLUMNS, ratio))
    table = table.assign(pq=ratio * iou, sq=iou, iou_sum=found * iou, n_true=objects, n_pred=objects)
    table = table.assign(tp=found, fp=objects - found, fn=objects - found, splits=0, merges=0)
    for name in (*AP_COLUMNS, "ap"):
        table[name] = found / (2 * objects - found)
    for name in PIXEL_RATIOS:
        table[f"{name}_numerator"], table[f"{name}_denominator"] = 100 * found, 100 * objects
    return table.assign(image=[f"i{k}" for k in range(len(table))])


def drawn_scores(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Draw scores of n images like those of DSB2018: mostly high, a tail to the left, 20 to 60 nuclei."""
    objects = rng.integers(20, 61, n)
    return scores(rng.binomial(objects, rng.beta(6, 1.1, n)), rng.beta(30, 5, n), objects)


def quotients(sums: np.ndarray) -> np.ndarray:
    return np.divide(*np.split(sums, 2, axis=-1))


def test_ten_images_hold_the_truth_as_often_as_promised() -> None:
    """The coverage over 4,000 data sets is at least 93 %, for means and pooled values of PQ and F1."""
    rng = np.random.default_rng(0)
    every = drawn_scores(rng, 200_000)
    objects = every["n_true"].to_numpy(float)
    drawn = rng.integers(0, len(every), (10, 4000))
    for name in ("pq", "f1"):
        values = every[name].to_numpy()
        for weight in (np.ones(len(every)), objects):
            parts = (values * weight)[drawn], weight[drawn]
            _, low, high = jackknife.estimate_intervals(quotients, np.concatenate(parts, axis=1), parts[1])
            true = np.average(values, weights=weight)
            assert 0.93 <= ((low <= true) & (true <= high)).mean() <= 0.98, name


def test_ten_images_rarely_reject_a_true_null() -> None:
    """For two equally good methods, at most 7 % of 4,000 comparisons find a difference."""
    rng = np.random.default_rng(1)
    objects, quality = rng.integers(20, 61, (10, 4000)), rng.beta(6, 1.1, (10, 4000))
    a, b = (rng.binomial(objects, quality * rng.beta(9, 1, objects.shape)) for _ in range(2))
    for weight in (np.ones(objects.shape), objects):
        less = np.concatenate([(a - b) / objects * weight, weight], axis=1)
        _, low, high = jackknife.estimate_intervals(quotients, less, weight, lower=-1)
        assert 0.02 <= ((low > 0) | (high < 0)).mean() <= 0.07


def test_without_skewness_it_is_the_t_interval() -> None:
    found = np.array([10, 12, 14, 16, 18])
    row = metrics.summarize(scores(found, np.full(5, 0.8), np.full(5, 20)))["metrics"]["f1"]
    expected = stats.ttest_1samp(found / 20, 0).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx(tuple(expected))
    other = scores(np.full(5, 14), np.full(5, 0.8), np.full(5, 20))
    less = metrics.compare(scores(found, np.full(5, 0.8), np.full(5, 20)), other, "f1")["metrics"]["f1"]
    expected = stats.ttest_rel(found / 20, np.full(5, 0.7)).confidence_interval(0.95)
    assert (less["low"], less["high"]) == pytest.approx(tuple(expected))


def test_the_end_on_the_side_of_the_tail_moves_out() -> None:
    found = np.array([20, 20, 19, 20, 18, 8])
    row = metrics.summarize(scores(found, np.full(6, 0.8), np.full(6, 20)))["metrics"]["f1"]
    x = found / 20
    error, t = x.std(ddof=1) / math.sqrt(6), stats.t.ppf(0.975, 5)
    tail = stats.skew(x) * (2 * t**2 + 1) / (6 * math.sqrt(6))
    assert tail < 0
    assert row["low"] == pytest.approx(x.mean() - error * (t - tail))
    assert row["high"] == pytest.approx(min(x.mean() + error * t, 1))


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 3)), min_size=2, max_size=12),
    st.integers(1, 5),
)
def test_pooled_is_the_jackknife_written_out(images: list[tuple[int, int, int]], batch: int) -> None:
    """The statistic is a quotient of sums; images are left out one by one or in batches."""
    columns = np.array(images, float)
    columns[:, 1] += columns[:, 0] + columns[:, 2]
    weights = columns[:, 1:2]
    n = int((weights > 0).sum())

    def rates(sums: np.ndarray) -> np.ndarray:
        return jackknife.quotient(sums[..., :1], sums[..., 1:2])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jackknife, "_BATCH_SIZE", batch)
        value, low, high = (x[0] for x in jackknife.estimate_intervals(rates, columns, weights))
    if n < 2:
        assert math.isnan(low)
        assert math.isnan(high)
        return
    counted = columns[columns[:, 1] > 0]
    total = counted.sum(axis=0)
    assert value == total[0] / total[1]
    without = np.array([(total[0] - row[0]) / (total[1] - row[1]) for row in counted])
    pseudo = n * value - (n - 1) * without
    error = pseudo.std(ddof=1) / math.sqrt(n)
    w = counted[:, 1] / counted[:, 1].sum()
    t = stats.t.ppf(0.975, max((w**2).sum() ** 2 / (w**4).sum() - 1, 1))
    spread = pseudo.std()
    skewness = 0.0 if spread < 1e-9 else ((pseudo - pseudo.mean()) ** 3).mean() / spread**3
    tail = skewness * (2 * t**2 + 1) / (6 * math.sqrt(n))
    assert low == pytest.approx(max(value - error * (t - min(tail, 0)), 0), abs=1e-6)
    assert high == pytest.approx(min(value + error * (t + max(tail, 0)), 1), abs=1e-6)
    assert low <= value <= high


def test_one_large_image_among_small_ones_leaves_doubt() -> None:
    """The pooled value depends on the large image, the mean does not."""
    rng = np.random.default_rng(2)
    objects = np.array([20] * 9 + [2000])
    summary = metrics.summarize(scores(rng.binomial(objects, 0.8), np.full(10, 0.8), objects))
    width = {
        kind: summary[kind]["f1"]["high"] - summary[kind]["f1"]["low"]
        for kind in ("metrics", "pooled_intervals")
    }
    even = metrics.summarize(scores(rng.binomial([218] * 10, 0.8), np.full(10, 0.8), np.full(10, 218)))
    row = even["pooled_intervals"]["f1"]
    assert width["pooled_intervals"] > 1.5 * (row["high"] - row["low"])
    assert width["metrics"] < 0.3


def test_fewer_than_two_images_have_no_interval() -> None:
    one = scores(np.array([15]), np.array([0.8]), np.array([20]))
    summary = metrics.summarize(one)
    for name in RATIO_COLUMNS:
        assert summary["metrics"][name]["mean"] == pytest.approx(one[name][0])
        for row in (summary["metrics"][name], summary["pooled_intervals"][name]):
            assert math.isnan(row["low"])
            assert math.isnan(row["high"])
    less = metrics.compare(one, one)
    for row in (*less["metrics"].values(), *less["pooled"].values()):
        assert row["difference"] == 0
        assert math.isnan(row["low"])
        assert math.isnan(row["high"])

    nothing = np.zeros((3, 3), int)
    label = np.eye(3, dtype=int)
    with_empty = metrics.score_dataset([("a", label, label), ("b", nothing, nothing)]).summary()
    assert with_empty["metrics"]["pq"]["n"] == 1
    assert math.isnan(with_empty["metrics"]["pq"]["low"])
    assert math.isnan(with_empty["pooled_intervals"]["pq"]["low"])

    classes = metrics.score_dataset_classes([("a", label, label, {1: 1}, {1: 1})]).summary()
    for row in (*(classes[f"{k}{plus}"] for k in ("mpq", "bpq") for plus in ("", "_plus")),):
        assert row["value"] == 1
        assert math.isnan(row["low"])


def test_every_pooled_figure_has_an_interval_around_it() -> None:
    summary = metrics.summarize(drawn_scores(np.random.default_rng(3), 30))
    assert list(summary["pooled_intervals"]) == list(RATIO_COLUMNS)
    for name, row in summary["pooled_intervals"].items():
        assert 0 <= row["low"] < summary["pooled"][name] < row["high"] <= 1, name
    assert json.loads(json.dumps(summary)) == summary


def test_order_and_repetition_change_nothing() -> None:
    table = drawn_scores(np.random.default_rng(4), 50)
    summary = metrics.summarize(table)
    assert summary == metrics.summarize(table)
    turned = metrics.summarize(table.iloc[::-1])
    for name in RATIO_COLUMNS:
        assert turned["metrics"][name] == pytest.approx(summary["metrics"][name], abs=1e-12)


def test_images_all_alike_leave_no_room() -> None:
    summary = metrics.summarize(scores(np.full(4, 18), np.full(4, 0.87), np.full(4, 20)))
    for row in (summary["metrics"]["pq"], summary["pooled_intervals"]["pq"]):
        assert (row["low"], row["high"]) == pytest.approx((0.9 * 0.87,) * 2, abs=1e-12)


def test_many_images_are_left_out_in_batches() -> None:
    """There are more images than in a batch; the interval then extends 1.96 standard errors to each side."""
    values = np.random.default_rng(5).beta(20, 4, (10_000, 1))
    terms = mean_terms(values)
    _, low, high = jackknife.estimate_intervals(means_from_sums, terms, terms[:, 1:])
    error = values.std(ddof=1) / 100
    assert high[0] - low[0] == pytest.approx(2 * 1.96 * error, rel=0.02)


def test_the_command_that_measures_coverage(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes two tables of the same images in different order, and prints the same shares each time."""
    script = Path(__file__).parents[2] / "tools" / "measure_coverage.py"
    spec = importlib.util.spec_from_file_location("measure_coverage", script)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    rng = np.random.default_rng(6)
    a, b = drawn_scores(rng, 40), drawn_scores(rng, 40)
    a.to_csv(tmp_path / "images.csv", index=False)
    b.iloc[::-1].to_csv(tmp_path / "others.csv", index=False)
    found = []
    for _ in range(2):
        arguments = [str(tmp_path), str(tmp_path / "others.csv"), "--sets", "20", "--sizes", "1", "8"]
        monkeypatch.setattr("sys.argv", ["measure_coverage", *arguments])
        tool.main()
        found.append(capsys.readouterr().out)
    assert found[0] == found[1]
    assert f"scores, 40 images: PQ {a['pq'].mean():.3f}" in found[0]
    one, eight = (re.findall(r"nan|\d?\.\d{3}", line) for line in found[0].splitlines()[-2:])
    assert one == ["nan"] * 16
    assert len(eight) == 16
    assert all(float(share) >= 0.7 for share in eight[:8])
    assert all(float(share) <= 0.3 for share in eight[8:])
