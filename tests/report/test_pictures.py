import base64

import imagecodecs
import numpy as np
import pytest

from fcrbench import metrics
from fcrbench.report import overlay, pictures
from fcrbench.report.mistakes import find_mistakes


def pixels(uri):
    return imagecodecs.png_decode(base64.b64decode(uri.removeprefix("data:image/png;base64,")))


def rectangles(*boxes, shape=(40, 60)):
    labels = np.zeros(shape, np.int32)
    for number, (top, left, height, width) in enumerate(boxes, start=1):
        labels[top : top + height, left : left + width] = number
    return labels


def test_each_kind_of_mistake_is_named():
    truth = rectangles((2, 2, 8, 8), (2, 20, 8, 8), (2, 28, 8, 8), (20, 2, 8, 12), (20, 40, 8, 8))
    found = rectangles((2, 2, 8, 8), (2, 20, 8, 16), (20, 2, 8, 6), (20, 8, 8, 6), (30, 30, 5, 5))
    mistakes = find_mistakes(truth, found)
    # 2 and 3 are merged by 2 with IoU exactly 1/2 each; 4 is cut into 3 and 4 with IoU exactly 1/2 each.
    assert mistakes.missed.tolist() == [2, 3, 4, 5]
    assert mistakes.false.tolist() == [2, 3, 4, 5]
    assert mistakes.merges.tolist() == [2]
    assert mistakes.splits.tolist() == [4]
    assert (mistakes.n_true, mistakes.n_found) == (5, 5)


def test_the_ids_agree_with_the_counts_of_the_metrics(sample, sample_predictions):
    seen = np.zeros(4, int)
    for name, prediction in sample_predictions.items():
        truth = sample.load(name).labels
        scores = metrics.score(truth, prediction)
        mistakes = find_mistakes(truth, prediction)
        counts = [len(ids) for ids in (mistakes.missed, mistakes.false, mistakes.splits, mistakes.merges)]
        assert counts == [scores.fn, scores.fp, scores.splits, scores.merges]
        seen += counts
    assert seen.all(), "the fixture must hold every kind of mistake"


@pytest.mark.parametrize(("truth_full", "found_full"), [(False, False), (True, False), (False, True)])
def test_empty_images(truth_full, found_full):
    one, none = rectangles((2, 2, 5, 5)), rectangles()
    mistakes = find_mistakes(one if truth_full else none, one if found_full else none)
    assert (len(mistakes.missed), len(mistakes.false)) == (truth_full, found_full)
    assert not len(mistakes.splits)
    assert not len(mistakes.merges)


def test_layers_stacked_are_the_overlay(sample, sample_predictions):
    name, prediction = list(sample_predictions.items())[2]
    field = sample.load(name)
    drawn = pictures.picture(field.image, field.labels, prediction)
    stacked = np.repeat(pixels(drawn.image)[:, :, None], 3, axis=2)
    for uri in (drawn.truth, drawn.prediction, drawn.both):
        layer = pixels(uri)
        stacked[layer[..., 3] == 255] = layer[layer[..., 3] == 255][:, :3]
    np.testing.assert_array_equal(stacked, overlay(field.image, prediction, field.labels))
    assert drawn.shape == field.image.shape
    assert drawn.window == ""


def test_mistakes_are_marked_where_they_are_and_nowhere_else():
    truth = rectangles((2, 2, 8, 8), (2, 20, 8, 8))
    found = rectangles((2, 2, 8, 8), (20, 40, 10, 10))
    marked = pixels(pictures.picture(np.zeros((40, 60)), truth, found).mistakes)
    kinds = {tuple(color) for color in marked[2:10, 20:28][marked[2:10, 20:28, 3] > 0][:, :3]}
    assert kinds == {pictures.MISSED}
    kinds = {tuple(color) for color in marked[20:30, 40:50][marked[20:30, 40:50, 3] > 0][:, :3]}
    assert kinds == {pictures.FALSE}
    marked[2:10, 20:28] = marked[20:30, 40:50] = 0
    assert not marked.any()


def test_a_large_field_is_cut_to_where_the_mistakes_are():
    truth = np.zeros((1500, 3000), np.uint16)
    truth[1200:1240, 2500:2550] = 9
    drawn = pictures.picture(np.zeros(truth.shape, np.uint8), truth, np.zeros_like(truth))
    assert drawn.shape == (1024, 1024)
    assert pixels(drawn.image).shape == (1024, 1024)
    assert pixels(drawn.truth)[..., 3].any()
    hatched = np.count_nonzero(pixels(drawn.mistakes)[..., 3])
    assert hatched == sum((x + y) % 5 == 0 for y in range(1200, 1240) for x in range(2500, 2550))
    assert "of 1500 x 3000" in drawn.window
