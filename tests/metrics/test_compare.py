"""Paired comparisons: their values, the width of intervals, and refused arguments."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fcrbench import metrics


def table(hits: list[int], n: int = 10, prefix: str = "i") -> pd.DataFrame:
    """Return scores of images with n blocks each, of which `hits` are found."""
    pairs = []
    for k, found in enumerate(hits):
        truth = np.repeat(np.arange(2 * n), 4)[None] // 2 * (np.repeat(np.arange(2 * n), 4)[None] % 2)
        pred = np.where(truth < found, truth, 0)
        pairs.append((f"{prefix}{k}", truth, pred))
    return metrics.score_dataset(pairs).table


def test_figures_are_those_of_the_tables() -> None:
    a, b = table([9, 8, 7, 6, 9, 8]), table([7, 8, 7, 5, 8, 3])
    found = metrics.compare(a, b, ["pq", "recall", "f1_75"], n_boot=500)
    assert found["n_images"] == 6
    assert list(found["metrics"]) == list(found["pooled"]) == ["pq", "recall", "f1_75"]
    pooled_a, pooled_b = (metrics.summarize(t)["pooled"] for t in (a, b))
    for name in found["metrics"]:
        mean, pooled = found["metrics"][name], found["pooled"][name]
        assert (mean["mean_a"], mean["mean_b"]) == pytest.approx((a[name].mean(), b[name].mean()))
        assert mean["difference"] == pytest.approx((a[name] - b[name]).mean())
        assert (pooled["a"], pooled["b"]) == pytest.approx((pooled_a[name], pooled_b[name]))
        assert pooled["difference"] == pytest.approx(pooled_a[name] - pooled_b[name])
        for row in (mean, pooled):
            assert row["low"] <= row["difference"] <= row["high"]
            assert 0.9 < row["share_a"] <= 1
            assert row["share_a"] + row["share_b"] <= 1
        assert (mean["n"], mean["n_left_out"]) == (6, 0)
    json.dumps(found)
    assert found == metrics.compare(a, b, ["pq", "recall", "f1_75"], n_boot=500)
    assert found != metrics.compare(a, b, ["pq", "recall", "f1_75"], n_boot=500, seed=1)
    assert list(metrics.compare(a, b, n_boot=5)["metrics"]) == [
        *("dice", "dice2", "aji", "aji_plus", "f1", "pq", "sq", "rq", "ap", "precision", "recall")
    ]


def test_every_pooled_figure_is_that_of_the_summary() -> None:
    a, b = table([9, 0, 7, 6]), table([7, 8, 7, 5])
    names = list(metrics.summarize(a)["metrics"])
    found = metrics.compare(a, b, names, n_boot=3)["pooled"]
    of_a = metrics.summarize(a)["pooled"]
    assert {name: found[name]["a"] for name in names} == pytest.approx({n: of_a[n] for n in names})


def test_swapping_turns_the_sign_and_order_plays_no_part() -> None:
    a, b = table([9, 8, 7, 6, 9, 8]), table([7, 8, 7, 7, 8, 3])
    one = metrics.compare(a, b, n_boot=300)
    other = metrics.compare(b, a, n_boot=300)
    for kind in ("metrics", "pooled"):
        for name, row in one[kind].items():
            back = other[kind][name]
            assert back["difference"] == pytest.approx(-row["difference"], abs=1e-15)
            assert (back["low"], back["high"]) == pytest.approx((-row["high"], -row["low"]), abs=1e-12)
            assert (back["share_a"], back["share_b"]) == (row["share_b"], row["share_a"])
    shuffled = metrics.compare(a, metrics.DatasetScores(b.iloc[[3, 1, 5, 0, 2, 4]]), n_boot=300)
    assert shuffled == one


def test_a_table_does_not_beat_itself() -> None:
    a = table([9, 8, 7, 6, 9, 8, 1])
    found = metrics.compare(a, a.copy(), n_boot=200)
    for row in [*found["metrics"].values(), *found["pooled"].values()]:
        assert (row["difference"], row["share_a"], row["share_b"]) == (0, 0, 0)
        assert (row["low"], row["high"]) == pytest.approx((0, 0), abs=1e-12)


def test_pairing_makes_the_interval_narrow() -> None:
    """Images differ far more than methods, but an equal gain in every image has a narrow interval."""
    rng = np.random.default_rng(0)
    hits = rng.integers(1, 9, 60)
    a, b = table((hits + 1).tolist()), table(hits.tolist())
    found = metrics.compare(a, b, "recall")["metrics"]["recall"]
    assert found["share_a"] == 1
    assert found["low"] == pytest.approx(found["high"]) == pytest.approx(found["difference"])


def test_the_interval_is_that_of_the_paired_difference() -> None:
    rng = np.random.default_rng(1)
    hits = rng.integers(1, 9, 200)
    a, b = table((hits + rng.integers(-1, 3, 200)).clip(0, 10).tolist()), table(hits.tolist())
    row = metrics.compare(a, b, "recall", n_boot=4000)["metrics"]["recall"]
    error = (a["recall"] - b["recall"]).std() / math.sqrt(200)
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_images_without_a_value_are_left_out_and_counted() -> None:
    a, b = table([9, 8, 7, 6]), table([7, 8, 7, 5])
    a.loc[0, "pq"] = np.nan
    b.loc[2, "pq"] = np.nan
    row = metrics.compare(a, b, "pq", n_boot=50)["metrics"]["pq"]
    assert (row["n"], row["n_left_out"]) == (2, 2)
    kept = [1, 3]
    assert row["mean_a"] == pytest.approx(a["pq"][kept].mean())
    assert row["difference"] == pytest.approx((a["pq"] - b["pq"])[kept].mean())
    a["pq"] = np.nan
    row = metrics.compare(a, b, "pq", n_boot=50)["metrics"]["pq"]
    assert row["n"] == 0
    assert all(math.isnan(row[k]) for k in ("difference", "low", "high", "share_a", "share_b"))


def test_saved_tables(tmp_path: Path) -> None:
    a, b = table([9, 8]), table([7, 8])
    expected = metrics.compare(a, b, n_boot=20)
    a.to_csv(tmp_path / "a.csv", index=False)
    assert metrics.compare(pd.read_csv(tmp_path / "a.csv"), b, n_boot=20) == expected


def test_refused() -> None:
    a, b = table([9, 8, 7]), table([7, 8])
    with pytest.raises(ValueError, match="table_b: expected the images of the other table, lacks 'i2'"):
        metrics.compare(a, b)
    with pytest.raises(ValueError, match=r"table_a: .*lacks 'i2'"):
        metrics.compare(b, a)
    with pytest.raises(ValueError, match="lacks 'i0', 'i1', 'i2' and 7 more"):
        metrics.compare(table([1] * 10), table([1] * 10, prefix="k"))
    with pytest.raises(ValueError, match="table_a: expected each image once, found 'i1' twice"):
        metrics.compare(pd.concat([a, a.iloc[1:2]]), a)
    with pytest.raises(ValueError, match="table_b: expected the columns"):
        metrics.compare(a, a.drop(columns="tp"))
    with pytest.raises(ValueError, match="table_a: expected a column named image"):
        metrics.compare(a.drop(columns="image"), a)
    for bad, named in (("tp", "'tp'"), (["pq", "PQ"], "'PQ'"), ([], "none")):
        with pytest.raises(ValueError, match=f"metrics: expected names of ratios .*found {named}"):
            metrics.compare(a, a, bad)
    with pytest.raises(ValueError, match="n_boot"):
        metrics.compare(a, a, n_boot=0)


NAMES = ["0001", "1", "NA", "null", "nan", "1e5", "True", "a, b", 'say "x"', "größe", " space "]


def test_names_survive_a_csv_file(tmp_path: Path) -> None:
    saved = table([9, 8, 7, 6, 9, 8, 7, 8, 9, 5, 6]).assign(image=NAMES)
    saved.to_csv(tmp_path / "scores.csv", index=False)
    read = metrics.read_table(tmp_path / "scores.csv")
    pd.testing.assert_frame_equal(read, saved, check_dtype=False)
    assert metrics.compare(read, saved, "pq")["metrics"]["pq"]["difference"] == 0


def test_numbers_that_pandas_made_of_names_are_paired(tmp_path: Path) -> None:
    now = table([9, 8, 7]).assign(image=["0001", "0002", "0010"])
    before = table([7, 7, 7]).assign(image=["0010", "0001", "0002"])
    before.to_csv(tmp_path / "scores.csv", index=False)
    saved = pd.read_csv(tmp_path / "scores.csv")
    expected = metrics.compare(now, before, "pq")
    assert metrics.compare(now, saved, "pq") == expected
    assert metrics.compare(saved, now, "pq")["metrics"]["pq"]["mean_b"] == expected["metrics"]["pq"]["mean_a"]
    with pytest.raises(ValueError, match="table_b: expected the images of the other table, lacks '0001'"):
        metrics.compare(now, saved.assign(image=[4, 5, 6]), "pq")


def test_a_name_that_pandas_lost_is_explained(tmp_path: Path) -> None:
    now = table([9, 8]).assign(image=["NA", "b"])
    now.to_csv(tmp_path / "scores.csv", index=False)
    with pytest.raises(ValueError, match=r"table_b: expected a name for each image.*metrics\.read_table"):
        metrics.compare(now, pd.read_csv(tmp_path / "scores.csv"), "pq")


def test_what_is_no_table_of_scores_is_refused_by_name(tmp_path: Path) -> None:
    for content in ("", "image,size\na,3\n", "\0\1\2"):
        (tmp_path / "x.csv").write_text(content)
        with pytest.raises(ValueError, match=r"x\.csv: expected"):
            metrics.read_table(tmp_path / "x.csv")


def test_both_forms_of_accents_are_one_image() -> None:
    now = table([9, 8, 7]).assign(image=["Gr\u00f6\u00dfe", "b", "c"])
    before = table([7, 7, 7]).assign(image=["c", "Gro\u0308\u00dfe", "b"])
    same = before.assign(image=["c", "Gr\u00f6\u00dfe", "b"])
    assert metrics.compare(now, before, "recall") == metrics.compare(now, same, "recall")
    both = table([9, 8]).assign(image=["caf\u00e9", "cafe\u0301"])
    with pytest.raises(ValueError, match="lacks"):
        metrics.compare(both, table([9, 8]).assign(image=["caf\u00e9", "x"]), "recall")
    assert metrics.compare(both, both, "recall", n_boot=10)["n_images"] == 2
