"""Scores per class, mPQ and bPQ, as means over images and pooled, against their definitions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import label_pairs, renamed

from fcrbench import metrics


def only(labels: np.ndarray, classes: dict[int, int], c: int) -> np.ndarray:
    """Return the label image without the objects of other classes."""
    return np.where(np.isin(labels, [k for k, v in classes.items() if v == c]), labels, 0)


def drawn_classes(labels: np.ndarray, seed: int) -> dict[int, int]:
    ids = [k for k in np.unique(labels).tolist() if k]
    return dict(zip(ids, np.random.default_rng(seed).integers(0, 4, len(ids)).tolist(), strict=True))


def class_map(labels: np.ndarray, classes: dict[int, int]) -> np.ndarray:
    return np.vectorize(lambda k: classes.get(int(k), 0), otypes=[np.int64])(labels)


def same(a: metrics.Scores, b: metrics.Scores) -> None:
    assert a.to_dict() == pytest.approx(b.to_dict(), abs=1e-12, nan_ok=True)


@settings(max_examples=120)
@given(data=st.data(), pair=label_pairs(), seed=st.integers(0, 999), inclusive=st.booleans())
def test_a_class_is_scored_as_if_alone(
    data: st.DataObject, pair: tuple[np.ndarray, np.ndarray], seed: int, inclusive: bool
) -> None:
    truth, pred = (data.draw(renamed(image)) for image in pair)
    of_true, of_pred = drawn_classes(truth, seed), drawn_classes(pred, seed + 1)
    found = metrics.score_classes(truth, pred, of_true, of_pred, inclusive=inclusive)
    assert list(found.per_class) == sorted({*of_true.values(), *of_pred.values()} - {0})
    values = []
    for c, scores in found.per_class.items():
        parts = only(truth, of_true, c), only(pred, of_pred, c)
        same(scores, metrics.score(*parts, inclusive=inclusive))
        if parts[0].any():
            values.append(scores.pq)
    same(found.binary, metrics.score(truth, pred, inclusive=inclusive))
    assert found.mpq == pytest.approx(np.mean(values) if values else math.nan, nan_ok=True)
    assert found.bpq == pytest.approx(found.binary.pq if truth.any() else math.nan, nan_ok=True)

    maps = class_map(truth, of_true), class_map(pred, of_pred).astype(np.uint8)
    by_map = metrics.score_classes(truth, pred, *maps, inclusive=inclusive)
    assert repr(by_map) == repr(found)
    swapped = metrics.score_classes(pred, truth, of_pred, of_true, inclusive=inclusive)
    for c, scores in found.per_class.items():
        other = swapped.per_class[c]
        assert (scores.tp, scores.fp, scores.fn) == (other.tp, other.fn, other.fp)


def test_a_class_map_votes() -> None:
    labels = np.array([[9, 9, 9, 9, 9, 9, 4, 4, 4, 7, 7]])
    classes = np.array([[0, 0, 0, 2, 3, 3, 2, 1, 0, 0, 0]])
    # 9: class 3 by two pixels to one, the background's three do not vote; 4: a tie, so the lower; 7: none.
    found = metrics.score_classes(labels, labels, classes, {9: 3, 4: 1, 7: 0})
    assert {c: (s.tp, s.fp, s.fn) for c, s in found.per_class.items()} == {1: (1, 0, 0), 3: (1, 0, 0)}
    assert found.binary.tp == 3
    assert (found.mpq, found.bpq) == (1, 1)


def test_a_wrong_class_is_missed_and_spurious() -> None:
    labels = np.array([[1, 1, 0, 2, 2]])
    found = metrics.score_classes(labels, labels, {1: 1, 2: 2}, {1: 1, 2: 3})
    counts = {c: (s.tp, s.fp, s.fn) for c, s in found.per_class.items()}
    assert counts == {1: (1, 0, 0), 2: (0, 0, 1), 3: (0, 1, 0)}
    assert found.mpq == 0.5  # of class 3 the truth has none
    assert found.bpq == 1
    asked = metrics.score_classes(labels, labels, {1: 1, 2: 2}, {1: 1, 2: 3}, classes=[1, 8])
    assert list(asked.per_class) == [1, 8]
    assert math.isnan(asked.per_class[8].pq)
    assert asked.mpq == 1


def test_refused() -> None:
    labels = np.array([[1, 1, 0, 2**40]])
    good = {1: 1, 2**40: 2}
    with pytest.raises(
        ValueError, match=f"pred_classes: expected a class for every object, has none for {2**40}"
    ):
        metrics.score_classes(labels, labels, good, {1: 1})
    with pytest.raises(ValueError, match=r"has none for 1 \(and 1 more\)"):
        metrics.score_classes(labels, labels, {}, good)
    with pytest.raises(
        ValueError, match=r"truth_classes: expected a class map of the shape .*found \(1, 3\)"
    ):
        metrics.score_classes(labels, labels, labels[:, :3], good)
    with pytest.raises(TypeError, match="pred_classes: expected an array of an integer dtype"):
        metrics.score_classes(labels, labels, good, labels / 2)
    for bad in ({1: -2, 2**40: 1}, np.array([[-2, 0, 0, 0]])):
        with pytest.raises(ValueError, match=r"truth_classes: expected classes >= 0 .*found -2"):
            metrics.score_classes(labels, labels, bad, good)
    with pytest.raises(ValueError, match="classes: expected positive integers"):
        metrics.score_classes(labels, labels, good, good, classes=[1, 0])
    with pytest.raises(ValueError, match=r"image 'x': truth and pred: expected equal shapes"):
        metrics.score_dataset_classes([("x", labels, labels[:, :2], good, good)])


@pytest.fixture(scope="module")
def images() -> list[tuple]:
    """Make 12 images with blocks of three classes; some are lost, moved, added or of a wrong class."""
    rng = np.random.default_rng(5)
    made = []
    for k in range(12):
        truth, pred = np.zeros((2, 40, 40), np.int32)
        of_true, of_pred = {}, {}
        for n in range(1, int(rng.integers(0, 9)) + 1):
            y, x = 10 * rng.integers(0, 4, 2)
            if truth[y, x]:
                continue
            truth[y : y + 7, x : x + 7] = n
            of_true[n] = int(rng.integers(1, 4 if k else 2))
            if rng.random() < 0.8:
                shift = int(rng.integers(0, 3))
                pred[y : y + 7, x + shift : x + 7 + shift] = n
                of_pred[n] = of_true[n] if rng.random() < 0.8 else int(rng.integers(1, 4))
        if rng.random() < 0.5 and not truth[30:, 30:].any():
            pred[33:38, 33:38] = 99
            of_pred[99] = 3
        made.append((f"i{k}", truth, pred, of_true, of_pred))
    return made


def test_both_conventions_of_a_data_set(images: list[tuple]) -> None:
    """Compute the values of PanNuke and CoNIC step by step."""
    result = metrics.score_dataset_classes(images, classes=[1, 2, 3])
    summary = result.summary()
    mpq, bpq, totals = [], [], {c: np.zeros(4) for c in (1, 2, 3)}
    by_class: dict[int, list[float]] = {1: [], 2: [], 3: []}
    for _, truth, pred, of_true, of_pred in images:
        values = []
        for c in (1, 2, 3):
            s = metrics.score(only(truth, of_true, c), only(pred, of_pred, c))
            totals[c] += [s.tp, s.fp, s.fn, s.iou_sum]
            if s.n_true:
                values.append(s.pq)
                by_class[c].append(s.pq)
        mpq.append(np.mean(values) if values else np.nan)
        bpq.append(metrics.score(truth, pred).pq if truth.any() else np.nan)
    assert result.images["mpq"].tolist() == pytest.approx(mpq, nan_ok=True)
    assert result.images["bpq"].tolist() == pytest.approx(bpq, nan_ok=True)
    assert summary["mpq"]["value"] == pytest.approx(np.nanmean(mpq))
    assert summary["bpq"]["value"] == pytest.approx(np.nanmean(bpq))
    assert summary["mpq"]["n"] == summary["bpq"]["n"] == int(np.isfinite(mpq).sum())
    plus = {c: v / (tp + fp / 2 + fn / 2) for c, (tp, fp, fn, v) in totals.items()}
    assert summary["mpq_plus"]["value"] == pytest.approx(np.mean(list(plus.values())))
    assert summary["bpq_plus"]["value"] == pytest.approx(result.binary.summary()["pooled"]["pq"])
    for c in (1, 2, 3):
        found = summary["classes"][c]
        assert found["pq_plus"]["value"] == pytest.approx(plus[c])
        assert found["pq"]["value"] == pytest.approx(np.mean(by_class[c]))
        assert found["pq"]["n"] == len(by_class[c])
        assert [found["tp"], found["fp"], found["fn"]] == totals[c][:3].tolist()
    for figure in (summary["mpq"], summary["bpq"], summary["mpq_plus"], summary["bpq_plus"]):
        assert 0 < figure["low"] < figure["value"] < figure["high"] < 1


def test_tissues_weigh_the_same(images: list[tuple]) -> None:
    result = metrics.score_dataset_classes(images, classes=[1, 2, 3], workers=2)
    groups = {name: "skin" if k < 2 else "liver" for k, (name, *_) in enumerate(images)}
    summary = result.summary(groups=groups)
    for name in ("mpq", "bpq"):
        column = result.images[name]
        expected = np.mean([column[:2].mean(), column[2:].mean()])
        assert summary[name]["value"] == pytest.approx(expected)
        assert summary[name]["low"] <= expected <= summary[name]["high"]
        one_group = result.summary(groups=dict.fromkeys(groups, "all"))
        assert one_group[name] == pytest.approx(result.summary()[name])
    with pytest.raises(ValueError, match="groups: expected a group for every image, has none for 'i3'"):
        result.summary(groups={name: 1 for name in groups if name != "i3"})


def test_classes_that_no_image_has(images: list[tuple]) -> None:
    every = metrics.score_dataset_classes(images)
    assert list(every.per_class) == [1, 2, 3]
    assert all(len(scores.table) == len(images) for scores in every.per_class.values())
    with_more = metrics.score_dataset_classes(images, classes=[1, 2, 3, 7]).summary()
    assert math.isnan(with_more["classes"][7]["pq_plus"]["value"])
    assert with_more["mpq_plus"]["value"] == every.summary()["mpq_plus"]["value"]
    for few in ([], [images[0][:1] + (np.zeros((2, 2), int),) * 2 + ({}, {})]):
        nothing = metrics.score_dataset_classes(few).summary()
        assert math.isnan(nothing["mpq"]["value"])
        assert math.isnan(nothing["mpq_plus"]["low"])
        assert nothing["classes"] == {}
