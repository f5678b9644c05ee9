"""Fill values in images: named, or taken as dark, so that the image itself is still seen."""

import warnings

import numpy as np
import pytest
import tifffile

from fcrbench import datasets
from fcrbench.cli import main
from fcrbench.errors import DataError
from fcrbench.inference import load_predictor
from fcrbench.io import read_labels
from fcrbench.methods.fill_values import describe_fill, replace_fill


@pytest.fixture(scope="module")
def field():
    return next(datasets.create("sample").samples("val")).image[:96, :96]


def filled(image, value, dtype):
    image = image.astype(dtype)
    image[:8] = value
    return image


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(1e300, "f8"), (-1e300, "f8"), (3.4028235e38, "f4"), (-3.4028235e38, "f4"), (9.96921e36, "f4")],
)
def test_impossible_values_are_named_and_the_others_done(field, tmp_path, capsys, value, dtype):
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "bad.tif", filled(field, value, dtype), metadata=None)
    tifffile.imwrite(tmp_path / "in" / "good.tif", field)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert main(["predict", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--device", "cpu"]) == 3
    line = capsys.readouterr().err
    assert f"768 pixels hold {value:.6g}, the others {field[8:].min()} to {field[8:].max()}" in line
    assert "bad," in (tmp_path / "out" / "failed.csv").read_text()
    assert read_labels(tmp_path / "out" / "good.tif").max() > 2


@pytest.mark.parametrize(("value", "dtype"), [(-9999, "f4"), (-32768, "i2"), (-9999, "f8"), (-1e6, "f4")])
def test_a_negative_fill_value_is_taken_as_dark(field, value, dtype):
    image = filled(field >> 4, value, dtype)
    expected = image.copy()
    expected[:8] = image[8:].min()
    assert replace_fill(image).dtype == image.dtype
    np.testing.assert_array_equal(replace_fill(image), expected)
    (note,) = describe_fill(image)
    assert f"768 pixels hold {value:.6g}" in note
    predictor = load_predictor(device="cpu")
    np.testing.assert_array_equal(predictor(image), predictor(expected))
    assert predictor(image).max() > 2


@pytest.mark.parametrize(
    "image",
    [
        np.array([[-3.0, -1.0, 0.5, 2.0]]),  # normalised before
        np.array([[-5.0, 0.0, 0.0, 0.0]]),  # of two values
        np.array([[7, 7, 7]], np.int16),
        np.array([[0, 65535]], np.uint16),
        np.array([[0.0, 1.0]]),
        np.zeros((3, 3)),
        np.array([[np.nan, 1.0]]),
        np.array([[np.inf, 1.0]]),
    ],
)
def test_other_images_stay(image):
    assert replace_fill(image) is image
    assert describe_fill(image) == []


def test_very_small_units_do_not_lose_the_picture(field):
    """Metres instead of nanometres: the deviation would be below the floor of the normalisation."""
    predictor = load_predictor(device="cpu")
    expected = predictor(field.astype(np.float64))
    assert expected.max() > 2
    np.testing.assert_array_equal(predictor(field.astype(np.float64) * 1e-15), expected)
    constant = np.full((20, 20), 0.1) + np.eye(20) * 1e-17
    assert replace_fill(constant) is constant


def test_an_image_of_impossible_values_only():
    with pytest.raises(DataError, match=r"values from 1e\+300 to 2e\+300"):
        replace_fill(np.array([[1e300, 2e300]]))
