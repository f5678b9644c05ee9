"""Boundary F and Hausdorff distance: definitions, worked values, laws, edge cases, refused input."""

import math

import numpy as np
import oracles
import oracles_boundary
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import label_pairs, laid_out, renamed

from fcrbench import datasets, metrics


@settings(max_examples=150)
@given(
    data=st.data(),
    pair=label_pairs(),
    tolerance=st.sampled_from([0, 1, 1.5, math.sqrt(2), math.sqrt(3), 2, 2.5]),
    iou=st.sampled_from([0.1, 0.5, 0.7]),
    sides=st.sampled_from([1.0, 0.5, (3.0, 1.0, 1.0), (0.25, 2.0, 1.0)]),
)
def test_boundary_is_the_definition(
    data: st.DataObject,
    pair: tuple[np.ndarray, np.ndarray],
    tolerance: float,
    iou: float,
    sides: float | tuple,
) -> None:
    truth, pred = pair
    spacing = sides if isinstance(sides, float) else sides[-truth.ndim :]
    images = data.draw(laid_out(truth)), data.draw(laid_out(pred))
    found = metrics.boundary(*images, tolerance, iou, spacing=spacing)
    per_axis = (spacing,) * truth.ndim if isinstance(spacing, float) else spacing
    o = oracles.Objects.of(truth, pred)
    true_rim, pred_rim = oracles_boundary.of_image(truth, o.truth), oracles_boundary.of_image(pred, o.pred)
    whole = oracles_boundary.boundary_f(true_rim, pred_rim, tolerance, per_axis)
    if whole is None:
        assert math.isnan(found.precision)
        assert math.isnan(found.recall)
        assert math.isnan(found.f1)
    else:
        assert (found.precision, found.recall) == whole[:2]
        assert found.f1 == pytest.approx(whole[2], abs=1e-12)
    pairs = list(zip(found.true_ids.tolist(), found.pred_ids.tolist(), strict=True))
    matched = metrics.matching(*images, iou)
    assert pairs == list(zip(matched.true_ids.tolist(), matched.pred_ids.tolist(), strict=True))
    for (t, p), f1, far in zip(pairs, found.pair_f1, found.pair_hausdorff, strict=True):
        a, b = o.truth[t], o.pred[p]
        rims = oracles_boundary.rim(a, truth.shape), oracles_boundary.rim(b, pred.shape)
        expected = oracles_boundary.boundary_f(*rims, tolerance, per_axis)
        assert f1 == pytest.approx(math.nan if expected is None else expected[2], abs=1e-12, nan_ok=True)
        assert far == pytest.approx(oracles_boundary.hausdorff(a, b, per_axis), abs=1e-12)


@settings(max_examples=80)
@given(data=st.data(), pair=label_pairs(), tolerance=st.sampled_from([0, 1, 2]))
def test_laws(data: st.DataObject, pair: tuple[np.ndarray, np.ndarray], tolerance: float) -> None:
    truth, pred = pair
    found = metrics.boundary(truth, pred, tolerance)
    image = (found.precision, found.recall, found.f1)
    swapped = metrics.boundary(pred, truth, tolerance)
    assert (swapped.recall, swapped.precision) == pytest.approx(image[:2], nan_ok=True)
    assert sorted(swapped.pair_hausdorff) == sorted(found.pair_hausdorff)
    others = [
        metrics.boundary(data.draw(renamed(truth)), data.draw(renamed(pred)), tolerance),
        metrics.boundary(truth.T, pred.T, tolerance),
        metrics.boundary(np.flip(truth, 0), np.flip(pred, 0), tolerance),
    ]
    for other in others:
        assert (other.precision, other.recall, other.f1) == pytest.approx(image, nan_ok=True)
        assert sorted(other.pair_hausdorff) == pytest.approx(sorted(found.pair_hausdorff))
        assert sorted(other.pair_f1) == pytest.approx(sorted(found.pair_f1), nan_ok=True)
    wider = metrics.boundary(truth, pred, tolerance + 1)
    assert math.isnan(found.f1) or wider.f1 >= found.f1 - 1e-12
    doubled = metrics.boundary(truth, pred, 2 * tolerance, spacing=2)
    assert (doubled.precision, doubled.recall) == pytest.approx(image[:2], nan_ok=True)
    assert doubled.pair_hausdorff.tolist() == (2 * found.pair_hausdorff).tolist()
    same = metrics.boundary(truth, truth, 0)
    assert math.isnan(same.f1) or same.f1 == 1
    assert (same.pair_hausdorff == 0).all()


def square(side: int, at: int, low: int, high: int) -> np.ndarray:
    image = np.zeros((side, side), np.uint8)
    image[low:high, low + at : high + at] = 1
    return image


def test_a_square_moved_by_two_pixels() -> None:
    truth, pred = square(20, 0, 4, 14), square(20, 2, 4, 14)
    s = metrics.boundary(truth, pred, 2)
    assert (s.f1, s.pair_f1.tolist(), s.pair_hausdorff.tolist()) == (1, [1], [2])
    # Of the 36 boundary pixels, top and bottom share 8 each; a tolerance of 0 leaves only those.
    s = metrics.boundary(truth, pred, 0)
    assert (s.precision, s.recall, s.f1) == (16 / 36, 16 / 36, 16 / 36)
    assert metrics.boundary(truth, pred, spacing=(1, 0.5)).pair_hausdorff.tolist() == [1]


def test_a_hole_is_far_from_the_rim() -> None:
    full = square(15, 0, 2, 13)
    ring = full.copy()
    ring[5:10, 5:10] = 0
    assert metrics.boundary(full, ring).pair_hausdorff.tolist() == [3]
    assert metrics.boundary(ring, full).pair_hausdorff.tolist() == [3]


def test_the_frame_is_no_boundary() -> None:
    half = np.zeros((6, 6), int)
    half[:, :3] = 4
    s = metrics.boundary(half, half, 0)
    assert (s.f1, s.pair_f1.tolist(), s.pair_hausdorff.tolist()) == (1, [1], [0])
    full = np.ones((6, 6), int)
    s = metrics.boundary(full, full)
    assert math.isnan(s.f1)
    assert math.isnan(s.pair_f1[0])
    assert s.pair_hausdorff.tolist() == [0]
    assert metrics.boundary(full, full, empty="one").f1 == 1
    assert metrics.boundary(half, full).f1 == 0


@pytest.mark.parametrize("shape", [(4, 4), (0, 3), (2, 2, 2)])
def test_empty(shape: tuple[int, ...]) -> None:
    nothing = np.zeros(shape, int)
    assert math.isnan(metrics.boundary(nothing, nothing).f1)
    s = metrics.boundary(nothing, nothing, empty="zero")
    assert (s.precision, s.recall, s.f1, len(s.pair_f1), len(s.pair_hausdorff)) == (0, 0, 0, 0, 0)
    if nothing.size:
        one = nothing.copy()
        one.flat[0] = 1
        assert metrics.boundary(one, nothing, empty="one").f1 == 0


def test_a_real_field_against_scipy_and_scikit_image() -> None:
    """Boundary masks equal those of find_boundaries, and distances those of both packages."""
    sample = datasets.create("sample")
    truth = sample.load(sample.splits["val"][0]).labels
    pred = np.roll(truth, (2, 1), (0, 1))
    found = metrics.boundary(truth, pred)
    from scipy.spatial.distance import directed_hausdorff

    for t, p, far in list(zip(found.true_ids, found.pred_ids, found.pair_hausdorff, strict=True))[:15]:
        a, b = np.argwhere(truth == t), np.argwhere(pred == p)
        expected = max(directed_hausdorff(a, b)[0], directed_hausdorff(b, a)[0])
        assert far == pytest.approx(expected, abs=1e-12)
    metrics_of_skimage = pytest.importorskip("skimage.metrics")
    segmentation = pytest.importorskip("skimage.segmentation")
    for image in (truth, pred):
        expected = segmentation.find_boundaries(image, connectivity=1, mode="inner")
        np.testing.assert_array_equal(metrics.boundary_mask(image), expected)
    for t, p, far in list(zip(found.true_ids, found.pred_ids, found.pair_hausdorff, strict=True))[:15]:
        expected = metrics_of_skimage.hausdorff_distance(truth == t, pred == p)
        assert far == pytest.approx(expected, abs=1e-12)


def test_refused() -> None:
    one = np.ones((2, 2), int)
    for bad in (-1, math.inf, math.nan, "2", None):
        with pytest.raises(ValueError, match="tolerance: expected a number >= 0"):
            metrics.boundary(one, one, bad)
    for bad in (0, -1.0, math.nan, (1, 1, 1), (1, 0), "a"):
        with pytest.raises(
            ValueError, match="spacing: expected a positive number, or one for each of 2 axes"
        ):
            metrics.boundary(one, one, spacing=bad)
    with pytest.raises(ValueError, match="equal shapes"):
        metrics.boundary(one, one[:1])
    with pytest.raises(TypeError, match="pred: expected"):
        metrics.boundary(one, one * 1.0)
    with pytest.raises(ValueError, match="empty"):
        metrics.boundary(one, one, empty=0)
