"""Scores to instances, and the clean-up of label images."""

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import label_images, laid_out, scores_and_rules

from fcrbench import postprocess


@settings(max_examples=500)
@given(drawn=scores_and_rules(), dtype=st.sampled_from([np.float16, np.float32, np.float64]))
def test_instances_are_argmax_then_components(
    drawn: tuple[np.ndarray, postprocess.InstanceRules], dtype: type
) -> None:
    scores, rules = drawn[0].astype(dtype), drawn[1]
    found = postprocess.instances(scores, rules)
    assert found.dtype == np.int32
    if scores.size == 0:
        assert found.shape == scores.shape[1:]
        return
    classes = scores.argmax(0)
    chosen = np.bincount(classes.ravel()).argmax() if rules.background == "mode" else rules.background
    expected, _ = oracles.label(classes, int(chosen), rules.connectivity)
    if rules.join_doubt:
        expected = oracles.join_undecided(expected, scores, int(chosen), rules.join_doubt)
    expected = oracles.remove_unsure(expected, scores, int(chosen), rules.min_margin, rules.sure_size)
    expected = oracles.remove_cut(oracles.remove_small(expected, rules.min_size), rules.border_size)
    if rules.fill_holes:
        expected = oracles.fill_holes(expected)
    np.testing.assert_array_equal(found, expected)
    out = np.empty(found.shape, np.int32)
    assert postprocess.instances(scores, rules, out=out) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("n_classes", [2, 9, 255, 256])
def test_large_scores_in_any_layout(n_classes: int) -> None:
    rng = np.random.default_rng(n_classes)
    scores = rng.random((n_classes, 61, 67)).astype(np.float32)
    expected, _ = oracles.label(scores.argmax(0), 1)
    layouts = [scores, np.asfortranarray(scores), np.moveaxis(np.moveaxis(scores, 0, 2).copy(), 2, 0)]
    layouts += [scores.astype(np.float64), scores.astype(">f4"), np.repeat(scores, 2, 2)[:, :, ::2]]
    frozen = scores.copy()
    frozen.setflags(write=False)
    for planes in [*layouts, frozen]:
        np.testing.assert_array_equal(postprocess.instances(planes, background=1), expected)


def test_float64_is_not_rounded() -> None:
    scores = np.array([1.0, 1.0 + 1e-12]).reshape(2, 1, 1)
    assert postprocess.instances(scores, background=0)[0, 0] == 1


def test_nan_is_refused() -> None:
    for where in [(0, 0, 0), (1, 4, 7), (2, 30, 50)]:
        scores = np.zeros((3, 31, 51), np.float32)
        scores[where] = np.nan
        with pytest.raises(ValueError, match="scores: expected numbers, found NaN in 1 of 1581 pixels"):
            postprocess.instances(scores)


def test_refused() -> None:
    scores = np.zeros((3, 4, 4), np.float32)
    with pytest.raises(TypeError, match="scores: expected a floating dtype, found int64"):
        postprocess.instances(scores.astype(int))
    for bad in (scores[0], np.zeros((0, 4, 4)), np.zeros((257, 1, 1))):
        with pytest.raises(ValueError, match=r"scores: expected shape \(K, H, W\)"):
            postprocess.instances(bad)
    for background in (3, -1, "max", None, 0.0):
        with pytest.raises(ValueError, match=r'background: expected "mode" or a class (0\.\.2|from 0 on)'):
            postprocess.instances(scores, background=background)
    with pytest.raises(ValueError, match="connectivity"):
        postprocess.instances(scores, connectivity=3)
    for function in (postprocess.instances, postprocess.remove_small):
        with pytest.raises(ValueError, match="min_size: expected 0 or more pixels, found -1"):
            function(scores if function is postprocess.instances else np.ones((1, 1), int), min_size=-1)


def test_a_small_object_stays_where_it_is_sure_and_within_the_image() -> None:
    scores = np.zeros((2, 20, 20), np.float32)
    scores[1] = -3
    for y, lead in ((4, 3.0), (14, 1.5)):
        scores[1, y : y + 3, 8:12] = lead
    scores[1, 8:11, :4] = 3  # at the border
    rules = {"background": 0, "min_size": 10, "border_size": 25, "min_margin": 2.2}
    found = postprocess.instances(scores, **rules)
    assert found.max() == 1
    assert found[5, 9] == 1
    assert postprocess.instances(scores, **rules | {"border_size": 0}).max() == 2
    assert postprocess.instances(scores, **rules | {"min_margin": 1.5}).max() == 2
    assert postprocess.instances(scores, **rules, sure_size=12).max() == 2
    with pytest.raises(ValueError, match="border_size: expected 0 or more pixels, found -1"):
        postprocess.instances(scores, background=0, border_size=-1)
    with pytest.raises(ValueError, match="min_margin: expected 0 or more, found nan"):
        postprocess.instances(scores, background=0, min_margin=float("nan"))
    with pytest.raises(ValueError, match=r'min_margin: expected the class of the background.*found "mode"'):
        postprocess.instances(scores, min_margin=2.2)


def test_rules_are_one_object_that_keywords_change() -> None:
    scores = np.random.default_rng(0).standard_normal((3, 20, 20)).astype(np.float32)
    rules = postprocess.InstanceRules(background=0, min_size=3)
    expected = postprocess.instances(scores, background=0, min_size=3)
    np.testing.assert_array_equal(postprocess.instances(scores, rules), expected)
    changed = postprocess.instances(scores, rules, min_size=0, fill_holes=True)
    np.testing.assert_array_equal(changed, postprocess.instances(scores, background=0, fill_holes=True))
    assert rules.min_size == 3
    with pytest.warns(DeprecationWarning, match="give the background by name: background=0"):
        np.testing.assert_array_equal(postprocess.instances(scores, 0, min_size=3), expected)
    with pytest.raises(TypeError, match="rules: expected InstanceRules, found dict"):
        postprocess.instances(scores, {"min_size": 3})
    with pytest.raises(TypeError, match="min_sise"):
        postprocess.instances(scores, min_sise=3)
    with pytest.raises(ValueError, match="sure_size: expected 0 or more pixels, found -1"):
        postprocess.InstanceRules(sure_size=-1)


def test_join_is_refused() -> None:
    scores = np.zeros((3, 4, 4), np.float32)
    for bad in (-0.1, np.inf, np.nan):
        with pytest.raises(ValueError, match="join_doubt: expected 0 or more"):
            postprocess.instances(scores, background=0, join_doubt=bad)
    with pytest.raises(ValueError, match=r'join_doubt: expected the class of the background.*found "mode"'):
        postprocess.instances(scores, join_doubt=0.1)
    for bad in (-0.1, 0, 1.01, np.nan):
        with pytest.raises(ValueError, match="contact: expected a share of the edge"):
            postprocess.join_fragments(np.ones((1, 1), int), bad)


@settings(max_examples=150)
@given(data=st.data(), shape=st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=st.integers(0, 9))
def test_clean_up_of_label_images(data: st.DataObject, shape: tuple[int, int], min_size: int) -> None:
    labels = data.draw(label_images(shape))
    image = data.draw(laid_out(labels))
    np.testing.assert_array_equal(postprocess.fill_holes(image), oracles.fill_holes(labels))
    np.testing.assert_array_equal(
        postprocess.remove_small(image, min_size), oracles.remove_small(labels, min_size)
    )


@settings(max_examples=300)
@given(
    data=st.data(),
    shape=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    contact=st.sampled_from([0.01, 0.25, 1 / 3, 0.5, 1]),
)
def test_fragments_join(data: st.DataObject, shape: tuple[int, int], contact: float) -> None:
    labels = data.draw(label_images(shape))
    image = data.draw(laid_out(labels))
    found = postprocess.join_fragments(image, contact)
    np.testing.assert_array_equal(found, oracles.join_fragments(labels, contact))


any_scores = given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 6), st.integers(0, 9), st.integers(0, 9)),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
    background=st.integers(0, 5),
)


@settings(max_examples=200)
@any_scores
def test_doubt(seed: int, shape: tuple[int, int, int], dtype: type, background: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(-3, 4, shape).astype(dtype)
    scores[scores == 3] = np.inf
    scores[scores == -3] = -np.inf
    background = min(background, shape[0] - 1)
    found = postprocess.doubt(scores, background)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, oracles.doubts(scores, background))


@settings(max_examples=200)
@any_scores
def test_margin(seed: int, shape: tuple[int, int, int], dtype: type, background: int) -> None:
    rng = np.random.default_rng(seed)
    scores = (6 * rng.standard_normal(shape)).astype(dtype)
    scores[rng.random(shape) < 0.1] = np.inf
    scores[rng.random(shape) < 0.1] = -np.inf
    background = min(background, shape[0] - 1)
    found = postprocess.margin(scores, background)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, oracles.margins(scores, background))


def test_doubt_is_refused() -> None:
    scores = np.zeros((3, 4, 4), np.float32)
    with pytest.raises(ValueError, match=r"background: expected a class 0\.\.2, found 3"):
        postprocess.doubt(scores, 3)
    scores[1, 2, 2] = np.nan
    with pytest.raises(ValueError, match="scores: expected numbers, found NaN"):
        postprocess.doubt(scores, 0)


def test_a_fading_colour_joins_and_a_sharp_border_does_not() -> None:
    """The colour of a disk changes halfway, either over many pixels or at once."""
    y, x = np.mgrid[:40, :40]
    disk = (y - 20) ** 2 + (x - 20) ** 2 < 144
    for width, n in ((4.0, 1), (0.1, 2)):
        scores = np.stack([np.where(disk, -9.0, 9.0), (x - 19.5) / width, (19.5 - x) / width])
        assert postprocess.instances(scores, background=0, join_doubt=0.025).max() == n


def test_halves_join_and_touching_disks_do_not() -> None:
    y, x = np.mgrid[:40, :60]
    left, right = (y - 20) ** 2 + (x - 20) ** 2 < 144, (y - 20) ** 2 + (x - 41) ** 2 < 144
    halves = np.where(left, 1 + (y > 20), 0)
    np.testing.assert_array_equal(postprocess.join_fragments(halves, 0.25), left)
    touching = np.where(left, 1, np.where(right, 2, 0))
    assert (left & np.roll(right, -1, axis=1)).any()
    assert postprocess.join_fragments(touching, 0.25).max() == 2


def test_many_fragments_of_one_object() -> None:
    """There are more contacts than the first capacity of the kernel."""
    labels = np.ones((200, 200), np.int32)
    labels[1::2, 1::2] = 2 + np.arange(100 * 100).reshape(100, 100)
    np.testing.assert_array_equal(postprocess.join_fragments(labels, 1), np.ones((200, 200)))


def test_what_is_a_hole() -> None:
    labels = np.array(
        [
            [7, 7, 7, 0, 2, 2, 2, 9, 9],
            [7, 0, 7, 0, 2, 0, 0, 0, 9],
            [7, 7, 7, 0, 2, 2, 2, 9, 9],
            [0, 0, 0, 0, 0, 0, 0, 0, 0],
            [0, 4, 4, 4, 0, 0, 5, 5, 0],
            [0, 4, 0, 4, 0, 5, 0, 5, 0],
            [0, 4, 4, 0, 0, 5, 5, 5, 0],
        ]
    )
    filled = postprocess.fill_holes(labels)
    assert filled[1, 1] == filled[0, 0]  # enclosed by one object
    assert filled[1, 5] == 0  # between two objects
    assert filled[5, 2] == filled[4, 1]  # open over a corner only
    assert filled[5, 6] == filled[6, 6]
    assert filled[3, 0] == 0
    assert filled.max() == 5


def test_negative_ids_are_refused() -> None:
    labels = np.array([[1, -4]], np.int16)
    for function in (postprocess.fill_holes, lambda image: postprocess.remove_small(image, 2)):
        with pytest.raises(ValueError, match=r"labels: expected ids >= 0 .*found -4"):
            function(labels)
        with pytest.raises(ValueError, match="labels: expected a 2-D array"):
            function(np.ones((2, 2, 2), int))
        with pytest.raises(TypeError, match="labels: expected an array of an integer dtype"):
            function(np.ones((2, 2)))


def test_a_dropped_object_opens_the_hole_beside_it() -> None:
    classes = np.array([[1, 1, 1, 1], [1, 0, 2, 0], [1, 1, 1, 1]])
    scores = (classes == np.arange(3)[:, None, None]).astype(np.float32)
    found = postprocess.instances(scores, background=0, min_size=2, fill_holes=True)
    np.testing.assert_array_equal(found, [[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 1, 1]])
