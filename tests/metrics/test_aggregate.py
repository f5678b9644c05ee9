"""Scores of a data set: the table, the means, the pooled values."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fcrbench import metrics
from fcrbench.metrics.aggregate import RATIO_COLUMNS


def scene(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an image of n blocks, and one with the same blocks moved, cut or lost."""
    rng = np.random.default_rng(seed)
    truth, pred = np.zeros((2, 60, 60), np.int32)
    for k in range(1, n + 1):
        y, x = rng.integers(0, 52, 2)
        truth[y : y + 8, x : x + 8] = k
    for k in rng.permutation(n)[: max(n - 1, 0)] + 1:
        pred[np.roll(truth == k, rng.integers(0, 3), 1)] = k
    return truth, pred


@pytest.fixture(scope="module")
def images() -> list[tuple[str, np.ndarray, np.ndarray]]:
    return [(f"field{seed}", *scene(seed, n)) for seed, n in enumerate([5, 9, 0, 12, 1, 0, 7])]


def test_table_has_a_row_an_image(images: list) -> None:
    table = metrics.score_dataset(images).table
    assert list(table.columns)[:5] == ["image", "dice", "dice2", "aji", "aji_plus"]
    assert list(table.columns)[-20:] == [f"{n}_{p}" for n in ("ap", "f1") for p in range(50, 100, 5)]
    assert table["image"].tolist() == [name for name, _, _ in images]
    for (_, truth, pred), row in zip(images, table.to_dict("records"), strict=True):
        del row["image"]
        assert row == pytest.approx(metrics.score(truth, pred).to_dict(), abs=0, nan_ok=True)
    assert table["tp"].dtype == np.int64


def test_threads_and_generators_change_nothing(images: list) -> None:
    one = metrics.score_dataset(images).table
    many = metrics.score_dataset((pair for pair in images * 1), workers=3).table
    pd.testing.assert_frame_equal(one, many)


def test_pooled_figures_are_those_of_one_large_image(images: list) -> None:
    """Put side by side with distinct ids, the images are one image, whose scores are the pooled ones."""
    truth = np.concatenate([np.where(t > 0, t + 100 * k, 0) for k, (_, t, _) in enumerate(images)], 1)
    pred = np.concatenate([np.where(p > 0, p + 100 * k, 0) for k, (_, _, p) in enumerate(images)], 1)
    whole = metrics.score(truth, pred).to_dict()
    for empty in ("nan", "one", "zero"):
        pooled = metrics.score_dataset(images, empty=empty).summary()["pooled"]
        assert pooled == pytest.approx({name: whole[name] for name in pooled}, abs=1e-12)
    assert set(RATIO_COLUMNS) <= set(pooled)


def test_means_leave_out_empty_images_and_count_them(images: list) -> None:
    result = metrics.score_dataset(images)
    summary = result.summary()
    assert (summary["n_images"], summary["n_empty"]) == (7, 2)
    for name in RATIO_COLUMNS:
        assert summary["metrics"][name]["n"] == 5
        assert summary["metrics"][name]["mean"] == pytest.approx(result.table[name].mean())
        assert (
            summary["metrics"][name]["low"]
            <= summary["metrics"][name]["mean"]
            <= summary["metrics"][name]["high"]
        )
    ones = metrics.score_dataset(images, empty="one").summary()
    assert ones["metrics"]["pq"]["n"] == 7
    assert ones["metrics"]["pq"]["mean"] == pytest.approx((5 * summary["metrics"]["pq"]["mean"] + 2) / 7)


def test_summary_of_a_saved_table(images: list, tmp_path: Path) -> None:
    result = metrics.score_dataset(images)
    result.table.to_csv(tmp_path / "images.csv", index=False)
    saved = metrics.summarize(pd.read_csv(tmp_path / "images.csv"))
    assert json.loads(json.dumps(saved)) == saved  # plain: no NumPy scalars
    direct = result.summary()
    for name in RATIO_COLUMNS:
        assert saved["metrics"].pop(name) == pytest.approx(direct["metrics"].pop(name), abs=1e-12)
    assert saved.pop("pooled") == pytest.approx(direct.pop("pooled"), abs=1e-12)
    assert saved == direct


def test_no_image_and_only_empty_ones() -> None:
    for pairs in ([], [("a", np.zeros((2, 2), int), np.zeros((2, 2), int))]):
        summary = metrics.score_dataset(pairs).summary()
        assert summary["n_images"] == summary["n_empty"] == len(pairs)
        assert math.isnan(summary["metrics"]["pq"]["mean"])
        assert math.isnan(summary["metrics"]["pq"]["low"])
        assert math.isnan(summary["pooled"]["pq"])
        assert summary["metrics"]["pq"]["n"] == 0
    assert metrics.score_dataset([]).table.columns[0] == "image"


def test_the_image_at_fault_is_named() -> None:
    good = np.ones((2, 2), int)
    for workers in (1, 2):
        with pytest.raises(ValueError, match=r"image 'b7': .*equal shapes"):
            metrics.score_dataset([("a1", good, good), ("b7", good, good[:1])], workers=workers)
        with pytest.raises(TypeError, match="image 'c': truth"):
            metrics.score_dataset([("c", good * 1.0, good)], workers=workers)
    with pytest.raises(ValueError, match="'a' twice"):
        metrics.score_dataset([("a", good, good), ("a", good, good)])
    with pytest.raises(ValueError, match="workers"):
        metrics.score_dataset([], workers=0)
    with pytest.raises(ValueError, match="none named dice,"):
        metrics.summarize(pd.DataFrame({"image": []}))


@pytest.mark.parametrize("workers", [1, 3])
def test_progress(images: list, workers: int, capsys: pytest.CaptureFixture) -> None:
    seen: list[tuple[int, int | None]] = []
    metrics.score_dataset(images, workers=workers, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(k, 7) for k in range(1, 8)]
    seen.clear()
    metrics.score_dataset(iter(images), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(k, None) for k in range(1, 8)]
    assert capsys.readouterr() == ("", "")
    metrics.score_dataset(images, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "7 of 7" in err


def test_pooled_figures_are_zero_where_nothing_was_right() -> None:
    some, nothing = np.ones((3, 3), int), np.zeros((3, 3), int)
    for pairs in ([("a", some, nothing)], [("a", nothing, some), ("b", nothing, nothing)]):
        pooled = metrics.score_dataset(pairs).summary()["pooled"]
        assert {pooled[name] for name in RATIO_COLUMNS} == {0.0}
