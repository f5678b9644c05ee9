"""Measurements against their definitions, and against scikit-image where it is installed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import label_images, laid_out

from fcrbench import datasets
from fcrbench.export import measure


@settings(max_examples=25)
@given(st.data(), st.integers(1, 9), st.integers(1, 9))
def test_against_the_definitions(data, height, width):
    labels = data.draw(label_images((height, width)))
    image = np.random.default_rng(0).normal(size=labels.shape)
    table = measure(data.draw(laid_out(labels)), image)
    assert table["label"].tolist() == [k for k in np.unique(labels).tolist() if k]
    for row in table.to_dict("records"):
        y, x = np.nonzero(labels == row["label"])
        assert row["area"] == len(y)
        assert [row["centroid-0"], row["centroid-1"]] == pytest.approx([y.mean(), x.mean()])
        assert [row[f"bbox-{i}"] for i in range(4)] == [y.min(), x.min(), y.max() + 1, x.max() + 1]
        values = image[y, x]
        assert row["intensity_mean"] == pytest.approx(values.mean())
        assert [row["intensity_min"], row["intensity_max"]] == [values.min(), values.max()]
        minor, major = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov([y, x], bias=True)), 0))
        assert row["axis_major_length"] == pytest.approx(4 * major, abs=1e-6)
        assert row["axis_minor_length"] == pytest.approx(4 * minor, abs=1e-6)


def test_as_scikit_image_measures_real_fields():
    measures = pytest.importorskip("skimage.measure")
    dataset = datasets.create("sample")
    sample = dataset.load(dataset.splits["val"][0])
    mine = measure(sample.labels, sample.image)
    expected = [name for name in mine if not name.startswith(("bbox", "centroid"))] + ["bbox", "centroid"]
    theirs = measures.regionprops_table(sample.labels, sample.image, properties=expected)
    for name, values in theirs.items():
        np.testing.assert_allclose(mine[name], values, rtol=1e-9, atol=1e-9, err_msg=name)


@settings(max_examples=25)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 10_000))
def test_perimeter_and_shape_as_scikit_image_has_them(height, width, seed):
    measures = pytest.importorskip("skimage.measure")
    labels = np.random.default_rng(seed).integers(0, 3, (height, width))
    mine = measure(labels)
    theirs = measures.regionprops_table(labels, properties=["perimeter", "eccentricity", "axis_major_length"])
    for name, values in theirs.items():
        np.testing.assert_allclose(mine[name], values, rtol=1e-6, atol=1e-6, err_msg=name)


def shapes():
    """Objects of which the ellipse is a circle, each with a name; no rounding may give them a direction."""
    y, x = np.indices((41, 41)) - 20
    return {
        "pixel": (y == 0) & (x == 0),
        "square": np.maximum(abs(y), abs(x)) < 7,
        "even square": (y > -3) & (y < 4) & (x > -3) & (x < 4),
        "plus": ((y == 0) | (x == 0)) & (abs(y) < 9) & (abs(x) < 9),
        "disc": y**2 + x**2 < 15**2,
        "ring": (y**2 + x**2 < 15**2) & (y**2 + x**2 > 9**2),
        "cross": (abs(y) == abs(x)) & (abs(y) < 12),
        "four apart": (abs(y) == 10) & (abs(x) == 10),
    }


@pytest.mark.parametrize("name", shapes())
@pytest.mark.parametrize("at", [(0, 0), (13, 900), (777, 5)])
def test_an_object_without_a_direction_has_the_orientation_that_scikit_image_gives(name, at):
    labels = np.zeros((900, 1000), np.uint8)
    labels[at[0] : at[0] + 41, at[1] : at[1] + 41] = shapes()[name]
    row = measure(labels).iloc[0]
    assert row["orientation"] == -np.pi / 4
    assert row["eccentricity"] == pytest.approx(0, abs=1e-6)


def test_a_direction_of_one_pixel_in_a_million_is_one():
    labels = np.ones((1001, 1001), np.uint8)
    labels[0, 500] = labels[-1, 500] = 0  # wider than high by this
    assert abs(measure(labels).iloc[0]["orientation"]) == np.pi / 2
    assert measure(labels.T).iloc[0]["orientation"] == 0


def test_far_from_the_corner_nothing_is_lost():
    labels = np.zeros((2, 100_000), np.uint8)
    labels[:, -3:] = 1
    row = measure(labels).iloc[0]
    assert row["centroid-1"] == 99_998
    assert row["axis_major_length"] == pytest.approx(4 * np.sqrt(2 / 3), rel=1e-12)


def test_bad_images_are_refused():
    with pytest.raises(ValueError, match=r"image: expected the labels' shape \(2, 2\), found \(3, 2\)"):
        measure(np.eye(2, dtype=int), np.zeros((3, 2)))
    with pytest.raises(TypeError, match="image: expected real numbers, found complex128"):
        measure(np.eye(2, dtype=int), np.zeros((2, 2), complex))
    assert len(measure(np.zeros((2, 2), int), np.zeros((2, 2)))) == 0


def test_areas_in_square_micrometres():
    labels = np.zeros((20, 30), np.int32)
    labels[2:5, 3:9], labels[10:12, 1:4] = 7, 9
    table = measure(labels, pixel_size=(0.5, 0.25))
    assert table["area_um2"].tolist() == [18 * 0.125, 6 * 0.125]
    assert table.drop(columns="area_um2").equals(measure(labels))
    for bad in ((0, 1), (-1, 1), (float("nan"), 1)):
        with pytest.raises(ValueError, match="pixel_size: expected a positive"):
            measure(labels, pixel_size=bad)
