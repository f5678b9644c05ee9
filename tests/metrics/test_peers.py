"""Agreement with other implementations on real pairs, and every known disagreement with its cause.

The values in recorded_values.json were computed with the programs and versions named there, on the pairs of
real_pairs.py. Programs that are installed are called, too.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import oracles
import peers
import pytest
from real_pairs import NAMES, real_pair, size_classes

from fcrbench import metrics

RECORDED = json.loads((Path(__file__).parent / "recorded_values.json").read_text())
PROGRAMS = [name for name in RECORDED if "data set" not in RECORDED[name]["values"]]


@pytest.fixture(scope="module")
def pairs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {name: real_pair(name) for name in NAMES}


def check(program: str, found: dict[str, float], expected: dict[str, float]) -> None:
    assert found
    for metric, value in found.items():
        assert expected[metric] == pytest.approx(value, abs=peers.tolerance(program, metric)), metric


@pytest.mark.parametrize("program", PROGRAMS)
def test_recorded_values(program: str, pairs: dict) -> None:
    assert list(RECORDED[program]["values"]) == NAMES
    for name, values in RECORDED[program]["values"].items():
        check(program, values, peers.expected(program, *pairs[name]))


@pytest.mark.parametrize("program", peers.CALLS)
def test_installed_programs(program: str, pairs: dict) -> None:
    for truth, pred in pairs.values():
        try:
            found = peers.CALLS[program](truth, pred)
        except ImportError as error:
            pytest.skip(f"{program} is not installed: {error}")
        check(program, found, peers.expected(program, truth, pred))


def test_overlap_table_is_the_contingency_table_of_scikit_image(pairs: dict) -> None:
    contingency_table = pytest.importorskip("skimage.metrics").contingency_table
    for truth, pred in pairs.values():
        table = metrics.overlap_table(truth, pred)
        dense = contingency_table(truth, pred).toarray()
        found = np.zeros_like(dense)
        true_ids, pred_ids = table.true_ids.astype(int), table.pred_ids.astype(int)
        found[true_ids[table.true_index], pred_ids[table.pred_index]] = table.shared
        np.testing.assert_array_equal(found[1:, 1:], dense[1:, 1:])
        np.testing.assert_array_equal(table.true_area, dense.sum(1)[true_ids])
        np.testing.assert_array_equal(table.pred_area, dense.sum(0)[pred_ids])


def test_classes_as_pannuke_and_conic_report_them(pairs: dict) -> None:
    """The tolerance is the epsilon of those programs, 1e-6 in the denominators of SQ and DQ."""
    images = [(name, t, p, size_classes(t), size_classes(p)) for name, (t, p) in pairs.items()]
    found = metrics.score_dataset_classes(images)
    summary = found.summary()
    pannuke = RECORDED["PanNuke-metrics"]["values"]["data set"]
    assert summary["mpq"]["value"] == pytest.approx(pannuke["mpq"], abs=1e-6)
    assert summary["bpq"]["value"] == pytest.approx(pannuke["bpq"], abs=1e-6)
    assert found.images["mpq"].tolist() == pytest.approx(pannuke["images"], abs=1e-6)
    by_class = [summary["classes"][c]["pq"]["value"] for c in (1, 2, 3)]
    assert by_class == pytest.approx(pannuke["classes"], abs=1e-6)
    conic = RECORDED["CoNIC"]["values"]["data set"]
    with_epsilon = []
    for c in (1, 2, 3):
        table = found.per_class[c].table
        tp, fp, fn, iou_sum = (table[name].sum() for name in ("tp", "fp", "fn", "iou_sum"))
        with_epsilon.append(tp / (tp + 0.5 * fp + 0.5 * fn + 1e-6) * iou_sum / (tp + 1e-6))
    assert with_epsilon == pytest.approx(conic["classes"], abs=1e-12)
    assert np.mean(with_epsilon) == pytest.approx(conic["mpq_plus"], abs=1e-12)
    assert summary["mpq_plus"]["value"] == pytest.approx(conic["mpq_plus"], abs=1e-6)


# Where the definitions differ. Each test shows the value by the paper's definition, the other program's value
# by the rule that it follows, and that the two are not the same; docs/why-our-number-differs.md has a row of
# each.


def test_aji_by_largest_intersection_is_not_aji(pairs: dict) -> None:
    """cellseg-metrics takes the largest intersection, and on a tie all of them."""
    for name in ("damaged0", "damaged1"):
        theirs = RECORDED["cellseg-metrics"]["values"][name]["aji_largest_intersection"]
        o = oracles.Objects.of(*pairs[name])
        ours = metrics.aji(*pairs[name])
        assert ours == float(oracles.aji(o))
        assert abs(theirs - ours) > 1e-4

    truth, pred = np.zeros((2, 1, 400), np.int32)
    truth[0, 100:150], pred[0, 0:120], pred[0, 120:136] = 1, 1, 2
    table = metrics.overlap_table(truth, pred)
    assert peers.aji_by_largest_intersection(table) == pytest.approx(20 / 166)
    assert metrics.aji(truth, pred) == 16 / 170

    truth, pred = np.ones((4, 4), int), np.array([[1, 1, 2, 2]] * 4)
    assert peers.aji_by_largest_intersection(metrics.overlap_table(truth, pred)) == pytest.approx(1 / 2)
    assert metrics.aji(truth, pred) == 1 / 3


def test_the_aji_of_cellpose_is_another_metric(pairs: dict) -> None:
    for name, values in RECORDED["cellpose"]["values"].items():
        ours = metrics.score(*pairs[name])
        assert 0.05 < values["aji_cellpose"] - ours.aji < 0.24
        assert values["aji_cellpose"] > ours.aji_plus + 0.03
        truth, _ = pairs[name]
        assert peers.aji_of_cellpose(metrics.overlap_table(truth, truth)) == metrics.aji(truth, truth) == 1
    truth, pred = np.array([[[2, 2, 3, 2, 0, 1, 1, 2, 2, 2]], [[2, 0, 2, 0, 1, 0, 0, 0, 2, 0]]])
    assert peers.aji_of_cellpose(metrics.overlap_table(truth, pred)) == pytest.approx(1 / 10)
    assert metrics.aji(truth, pred) == 3 / 13


def test_precision_is_not_average_precision(pairs: dict) -> None:
    """cellseg-metrics calls TP / (TP + FP) average precision."""
    for name, values in RECORDED["cellseg-metrics"]["values"].items():
        ours = metrics.score(*pairs[name])
        assert values["precision_named_ap_50"] == pytest.approx(ours.precision, abs=1e-8)
        assert ours.ap_per_iou[0] == ours.tp / (ours.tp + ours.fp + ours.fn) < ours.precision - 0.1


@pytest.mark.parametrize("program", ["hotcoco", "torchmetrics"])
def test_background_must_be_a_segment(program: str, pairs: dict) -> None:
    """Otherwise it is void: unions shrink and false positives vanish."""
    for name, values in RECORDED[program]["values"].items():
        ours = metrics.pq(*pairs[name])
        assert values["pq"] == pytest.approx(ours, abs=1e-7)
        assert values["pq_no_background"] > ours + 0.06


def test_an_iou_of_one_half_is_no_match() -> None:
    """stardist, cellpose and panoptica match at IoU >= t.

    Kirillov et al. require more than 1/2, which makes the matching unique.
    """
    truth, pred = np.ones((4, 4), np.int32), np.array([[1, 1, 2, 2]] * 4, np.int32)
    strict, inclusive = metrics.score(truth, pred), metrics.score(truth, pred, inclusive=True)
    assert (strict.tp, strict.fp, strict.fn, strict.pq) == (0, 2, 1, 0)
    assert (inclusive.tp, inclusive.fp, inclusive.fn) == (1, 1, 0)
    assert inclusive.pq == pytest.approx(1 / 3)
    matching = pytest.importorskip("stardist.matching").matching
    theirs = matching(truth, pred)
    assert (theirs.tp, theirs.fp, theirs.fn) == (1, 1, 0)
    assert theirs.panoptic_quality == pytest.approx(1 / 3)


def test_equal_iou_in_aji_goes_to_the_lowest_id() -> None:
    """hover_net adds 1e-6 to every union, which makes 2/8 larger than 1/4: AJI is 2/9 there."""
    truth = np.array([[1, 1, 1, 1, 0, 0, 0, 0, 0]])
    pred = np.array([[1, 0, 2, 2, 2, 2, 2, 2, 0]])
    table = metrics.overlap_table(truth, pred)
    assert table.iou.tolist() == [1 / 4, 2 / 8]
    assert np.argmax(table.shared / (table.union + 1e-6)) == 1
    assert metrics.aji(truth, pred) == float(oracles.aji(oracles.Objects.of(truth, pred))) == 1 / (4 + 6)
    assert metrics.aji(truth, np.array([[2, 0, 1, 1, 1, 1, 1, 1, 0]])) == 2 / (8 + 1)


def test_thresholds_are_the_fractions_that_are_meant() -> None:
    truth, pred = np.ones((2, 1, 10), int)
    pred[0, 7:] = 0
    drifted = np.arange(0.5, 1, 0.05)[4]
    assert drifted > 0.7  # 0.7000000000000002: compared as floats, 7/10 would not even reach it
    assert metrics.matching(truth, pred, drifted, inclusive=True).tp == 1
    assert metrics.matching(truth, pred, drifted).tp == 0


def test_below_one_half_most_pairs_are_not_the_largest_total_iou(pairs: dict) -> None:
    """hover_net, PanNuke-metrics, CoNIC and MONAI drop pairs after maximizing the total IoU of all."""
    truth = np.array([[1] * 7 + [2] * 2 + [0] * 4])
    pred = np.array([[1] * 5 + [2] * 2 + [1] * 4 + [2] * 2])
    ours = metrics.matching(truth, pred, 0.2)
    assert ours.pair_iou.tolist() == [2 / 9, 2 / 9]
    assert peers.largest_total_iou(metrics.overlap_table(truth, pred), 0.2).tolist() == [5 / 11]
    for pair in pairs.values():
        table = metrics.overlap_table(*pair)
        for t in (0.1, 0.2, 0.3, 0.4):
            assert len(peers.largest_total_iou(table, t)) == metrics.matching(*pair, t).tp


def test_pairs_below_the_threshold_may_decide_between_those_above(pairs: dict) -> None:
    """stardist and cellpose maximize the total IoU of all pairs, we that of the pairs above t."""
    truth = np.array([[1] * 3 + [2]])
    pred = np.array([[1] * 2 + [2] + [1]])
    padded = (np.pad(truth, ((0, 0), (0, 1))), np.pad(pred, ((0, 0), (0, 1)), constant_values=1))
    ours = metrics.matching(*padded, 0.3)
    assert ours.pair_iou.tolist() == [2 / 5]
    assert peers.most_pairs_of_all(metrics.overlap_table(*padded), 0.3).tolist() == [1 / 3]
    for pair in pairs.values():
        table = metrics.overlap_table(*pair)
        for t in (0.1, 0.2, 0.3, 0.4):
            theirs, ours = peers.most_pairs_of_all(table, t), metrics.matching(*pair, t, inclusive=True)
            assert (len(theirs), theirs.sum()) == pytest.approx((ours.tp, ours.pair_iou.sum()))


def test_objects_cut_by_the_class_map_are_not_voted(pairs: dict) -> None:
    """CoNIC cuts an object with two classes in the class map; each class gets its part as an object."""
    truth, of_true = np.ones((2, 1, 10), np.int32)
    of_pred = np.array([[1] * 6 + [2] * 4])
    found = metrics.score_classes(truth, truth, of_true, of_pred, [1, 2])
    assert (found.per_class[1].pq, found.per_class[2].n_pred) == (1, 0)
    cut = [np.where(of_pred == c, truth, 0) for c in (1, 2)]
    one, two = (metrics.score(truth * (of_true == c), part) for c, part in zip((1, 2), cut, strict=True))
    assert (one.pq, two.fp) == (0.6, 1)
    for truth, _ in pairs.values():  # one class an object: the same
        classes = size_classes(truth)
        class_map = np.array([0, *(classes[k] for k in range(1, len(classes) + 1))])[truth]
        by_map = metrics.score_classes(truth, truth, class_map, class_map)
        assert by_map.per_class[1] == metrics.score(*(np.where(class_map == 1, truth, 0),) * 2)


def test_outlines_are_further_apart_than_pixels(pairs: dict) -> None:
    """MONAI and surface-distance measure between outlines.

    If an object has a hole or surrounds another, an outline may lie within the other object, where its pixels
    are at distance 0.
    """
    truth = np.zeros((13, 13), np.int32)
    truth[2:11, 2:11] = 1
    pred = truth.copy()
    pred[5:8, 5:8] = 0
    assert metrics.boundary(truth, pred).pair_hausdorff.tolist() == [2]
    assert peers.hausdorff_of_outlines(truth == 1, pred == 1) == 3
    further = []
    for truth, pred in pairs.values():
        b = metrics.boundary(truth, pred)
        for t, p, distance in zip(b.true_ids, b.pred_ids, b.pair_hausdorff, strict=True):
            further.append(peers.hausdorff_of_outlines(truth == t, pred == p) - distance)
    assert len(further) == 251
    assert min(further) > -1e-9
    assert np.count_nonzero(np.array(further) > 1e-9) == 5
    assert max(further) == pytest.approx(5.59, abs=0.01)


def test_two_empty_images_have_no_score() -> None:
    """stardist, cellseg-metrics and torchmetrics give 0, cellpose and panoptica NaN; hover_net raises."""
    nothing = np.zeros((5, 5), np.int32)
    assert math.isnan(metrics.pq(nothing, nothing))
    assert metrics.pq(nothing, nothing, empty="zero") == 0
    matching = pytest.importorskip("stardist.matching").matching
    assert matching(nothing, nothing).panoptic_quality == 0


def test_no_background_and_gaps_need_no_care() -> None:
    """hover_net raises IndexError for both.

    cellpose counts FP = -1 without background, and needs memory that grows with the largest id.
    """
    full = np.arange(1, 37).reshape(6, 6)
    for labels in (full, full * 10**12):
        s = metrics.score(labels, labels)
        assert (s.tp, s.fp, s.fn, s.pq, s.ap, s.aji) == (36, 0, 0, 1, 1, 1)
