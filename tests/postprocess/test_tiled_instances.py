"""Labels computed tile by tile equal those of the functions for whole arrays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import label_images

from fcrbench import datasets, large, postprocess

SIDES = st.sampled_from([1, 2, 3, 4, 7, 100])


def scores_of(classes, n_classes=6):
    """Return scores whose largest plane is the class."""
    return (np.arange(n_classes)[:, None, None] == classes).astype(np.float32)


def by_tiles(classes, side, **rules):
    out = np.full(classes.shape, -1, np.int32)
    n = large.instances_of_classes(classes, out, tile=side, **rules)
    assert n == out.max(initial=0)
    return out


@settings(max_examples=60)
@given(st.data(), st.integers(0, 9), st.integers(0, 9), SIDES, st.sampled_from([1, 2]))
def test_components(data, height, width, side, connectivity):
    classes = data.draw(label_images((height, width), 3)).astype(np.uint8)
    for background in (0, 1, None):
        expected, count = postprocess.label(classes, background, connectivity)
        out = np.full(classes.shape, -1, np.int32)
        assert large.label(classes, out, background, connectivity, tile=side) == count
        np.testing.assert_array_equal(out, expected)


@settings(max_examples=100)
@given(
    st.data(),
    st.integers(1, 10),
    st.integers(1, 10),
    SIDES,
    st.sampled_from([0, 2, 4, 9]),
    st.booleans(),
    st.sampled_from([0.0, 0.01, 0.05, 0.2]),
    st.sampled_from([0, 1, "mode"]),
    st.sampled_from([1, 2]),
    st.sampled_from([0, 5]),
    st.sampled_from([0.0, 0.3, 0.6]),
    st.sampled_from([0, 5, 100]),
    st.integers(0, 99),
)
def test_rules(
    data,
    height,
    width,
    side,
    min_size,
    fill_holes,
    join,
    background,
    connectivity,
    border,
    margin,
    sure,
    seed,
):
    classes = data.draw(label_images((height, width), 5)).astype(np.uint8)
    spread = np.random.default_rng(seed).random((6, height, width))  # below 1: the class stays the largest
    scores = scores_of(classes) + spread.astype(np.float32) * (scores_of(classes) == 0)
    rules = {
        "background": background,
        "connectivity": connectivity,
        "min_size": min_size,
        "fill_holes": fill_holes,
        "border_size": border,
    }
    planes = {}
    if background != "mode":
        rules |= {"join_doubt": join, "min_margin": margin, "sure_size": sure}
        planes = {
            "doubt": postprocess.doubt(scores, background),
            "margin": postprocess.margin(scores, background),
        }
    expected = postprocess.instances(scores, **rules)
    np.testing.assert_array_equal(by_tiles(classes, side, **rules, **planes), expected)


def test_one_object_that_spans_all_tiles():
    """A comb and a spiral have pieces in every tile that are joined far away."""
    comb = np.zeros((64, 64), np.uint8)
    comb[:, ::2] = 1
    comb[-1] = 1
    out = np.zeros(comb.shape, np.int32)
    assert large.label(comb, out, tile=8) == 1
    np.testing.assert_array_equal(out, comb)
    spiral = np.zeros((65, 65), np.uint8)
    for k in range(0, 32, 2):
        spiral[k, k : 65 - k] = spiral[k : 65 - k, 64 - k] = 1
        spiral[64 - k, k : 65 - k] = spiral[k + 2 : 65 - k, k] = 1
        spiral[k + 2, k : k + 3] = 1
    expected, count = postprocess.label(spiral)
    out = np.zeros(spiral.shape, np.int32)
    assert large.label(spiral, out, tile=16) == count
    np.testing.assert_array_equal(out, expected)


def test_an_object_on_a_corner_of_four_tiles_and_a_hole_through_it():
    ring = np.zeros((16, 16), np.uint8)
    ring[4:12, 4:12] = 1
    ring[6:10, 6:10] = 0
    out = by_tiles(ring, 8, background=0, fill_holes=True)
    assert (out == (np.pad(np.ones((8, 8)), 4) > 0)).all()
    open_ring = ring.copy()
    open_ring[7, :8] = 0  # a channel to the outside
    assert (by_tiles(open_ring, 8, background=0, fill_holes=True) == open_ring).all()


def test_real_fields_with_the_rules_of_fcrnet():
    dataset = datasets.create("sample")
    labels = np.concatenate([dataset.load(i).labels for i in dataset.splits["val"][:2]], axis=1)
    rng = np.random.default_rng(0)
    classes = ((labels % 3 + 1) * (labels > 0)).astype(np.uint8)
    classes[rng.random(classes.shape) < 0.02] = rng.integers(0, 4)
    rules = {"background": 0, "min_size": 10, "fill_holes": True, "join_doubt": 0.025}
    rules |= {"border_size": 150, "min_margin": 2.2}
    scores = scores_of(classes, 4) * (2.2 + 0.05 * rng.standard_normal(classes.shape)).astype(np.float32)
    expected = postprocess.instances(scores, **rules)
    for rule in ("join_doubt", "border_size", "min_margin"):
        assert (expected != postprocess.instances(scores, **rules | {rule: 0})).any()
    planes = {"doubt": postprocess.doubt(scores, 0), "margin": postprocess.margin(scores, 0)}
    for side in (64, 200):
        np.testing.assert_array_equal(by_tiles(classes, side, **rules, **planes), expected)


def test_bad_arguments_are_refused():
    classes, out = np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.int32)
    for doubt, found in ((None, "none"), (np.zeros((4, 4), np.uint8), r"uint8 \(4, 4\)"), (out, "int32")):
        with pytest.raises(
            ValueError, match=rf"doubt: expected uint8 \(4, 5\) for join_doubt, found {found}"
        ):
            large.instances_of_classes(classes, out, background=0, join_doubt=0.1, doubt=doubt)
        with pytest.raises(
            ValueError, match=rf"margin: expected uint8 \(4, 5\) for min_margin, found {found}"
        ):
            large.instances_of_classes(classes, out, background=0, min_margin=0.1, margin=doubt)
    with pytest.raises(ValueError, match=r"out: expected the shape \(4, 5\), found \(4, 4\)"):
        large.label(classes, out[:, :4])
    with pytest.raises(ValueError, match="tile: expected 1 or more"):
        large.label(classes, out, tile=0)
    with pytest.raises(ValueError, match="connectivity: expected"):
        large.label(classes, out, connectivity=3)
    with pytest.raises(TypeError, match="expected an array of an integer dtype"):
        large.label(classes.astype(float), out)
    with pytest.raises(ValueError, match="expected a 2-D image"):
        large.label(np.zeros((2, 2, 2), int), out)


def test_masked_pixels_are_refused():
    classes = np.kron(np.arange(4, dtype=np.uint8).reshape(2, 2), np.ones((5, 5), np.uint8))
    masked = np.ma.masked_equal(classes, 2)
    out = np.empty(classes.shape, np.int32)
    assert large.label(np.ma.masked_array(classes), out, tile=4) == 3
    planes = {"doubt": classes, "margin": classes}
    for name in ("image", *planes):
        given = {key: masked if key == name else plane for key, plane in planes.items()}
        source = masked if name == "image" else classes
        with pytest.raises(ValueError, match=f"{name}: expected an array without masked pixels"):
            large.instances_of_classes(
                source, out, tile=4, join_doubt=0.5, min_margin=1, background=0, **given
            )
    for pair in ((masked, classes), (classes, masked)):
        with pytest.raises(ValueError, match="expected an array without masked pixels"):
            large.score(*pair)
