import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fcrbench.report import overlay
from fcrbench.report.outlines import BOTH, PREDICTION, TRUTH, inner_boundaries, stretch

LABELS = hnp.arrays(
    np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 3)
)


def boundary_oracle(labels):
    """From the definition: an object's pixel with a 4-neighbour, inside the image, of another id."""
    found = np.zeros(labels.shape, bool)
    for y, x in np.argwhere(labels > 0):
        for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            v, u = y + dy, x + dx
            if 0 <= v < labels.shape[0] and 0 <= u < labels.shape[1] and labels[v, u] != labels[y, x]:
                found[y, x] = True
    return found


@given(LABELS)
def test_boundaries_follow_the_definition(labels):
    np.testing.assert_array_equal(inner_boundaries(labels), boundary_oracle(labels))


def test_touching_objects_keep_a_line_each():
    labels = np.array([[1, 1, 1, 2, 2, 2]] * 5)
    assert inner_boundaries(labels).tolist() == [[False, False, True, True, False, False]] * 5


@given(LABELS)
def test_the_pixels_without_outline_are_the_stretched_image(labels):
    image = np.arange(labels.size, dtype=np.uint16).reshape(labels.shape)
    picture = overlay(image, labels)
    edge = boundary_oracle(labels)
    assert picture.dtype == np.uint8
    assert (picture[edge] == PREDICTION).all()
    np.testing.assert_array_equal(picture[~edge], np.repeat(stretch(image)[~edge][:, None], 3, axis=1))


def test_truth_prediction_and_agreement_have_their_colours():
    truth, labels = np.zeros((2, 9, 9), np.int32)
    truth[2:7, 1:5] = 1
    labels[2:7, 1:7] = 1
    picture = overlay(np.zeros((9, 9), np.uint8), labels, truth)
    assert tuple(picture[4, 1]) == BOTH
    assert tuple(picture[4, 4]) == TRUTH
    assert tuple(picture[4, 6]) == PREDICTION


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_stretch_uses_the_whole_range_below_white_and_keeps_order(dtype):
    image = np.linspace(3, 250, 40 * 50).reshape(40, 50).astype(dtype)
    gray = stretch(image)
    assert (gray.min(), gray.max()) == (0, 190)
    assert (np.diff(gray.ravel().astype(int)) >= 0).all()


def test_a_few_hot_pixels_do_not_make_the_picture_dark(sample):
    image = sample.load(sample.splits["val"][0]).image.copy()
    before = stretch(image)
    image[:2, :2] = 65535
    np.testing.assert_allclose(stretch(image)[3:], before[3:], atol=3)


def test_one_bright_pixel_on_a_constant_image_shows():
    image = np.full((64, 64), 7, np.uint16)
    image[5, 5] = 9
    gray = stretch(image)
    assert gray[5, 5] == 190
    assert np.count_nonzero(gray) == 1


@pytest.mark.parametrize("image", [np.full((4, 5), 9), np.full((4, 5), np.nan), np.zeros((0, 5))])
def test_images_without_contrast_are_black(image):
    assert stretch(image).shape == image.shape
    assert not stretch(image).any()


def test_not_finite_pixels_do_not_spread():
    image = np.linspace(0, 1, 100).reshape(10, 10)
    image[0, :3] = np.nan, np.inf, -np.inf
    assert stretch(image)[0, :3].tolist() == [0, 190, 0]
    assert stretch(image)[9, 9] == 190


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"labels: expected the image's shape \(4, 5\), found \(4, 6\)"):
        overlay(np.zeros((4, 5)), np.zeros((4, 6), int))
    with pytest.raises(ValueError, match=r"truth: expected the image's shape"):
        overlay(np.zeros((4, 5)), np.zeros((4, 5), int), np.zeros((5, 4), int))
    with pytest.raises(ValueError, match="2 dimensions"):
        overlay(np.zeros((4, 5, 3)), np.zeros((4, 5, 3), int))
