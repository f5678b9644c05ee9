"""BBBC039 in its two layouts."""

import csv
import shutil

import imagecodecs
import numpy as np
import pytest
import tifffile
from test_folder import fields

from fcrbench import datasets
from fcrbench.errors import DataError


def coloured(path, red, **channels):
    rgba = np.zeros((*red.shape, 4), np.uint8)
    rgba[..., 0], rgba[..., 3] = red, 255
    for name, value in channels.items():
        rgba[..., "rgba".index(name)] = value
    path.write_bytes(imagecodecs.png_encode(rgba))


@pytest.fixture
def official(tmp_path):
    """Three drawn fields as the archives unpack, one of them empty."""
    for part in ("images", "masks", "metadata"):
        (tmp_path / part).mkdir()
    red = np.zeros((8, 9), np.uint8)
    red[1:3, 1:4] = 2  # two nuclei that touch: different colours
    red[3:5, 1:4] = 1
    red[5, 4] = 1  # joined to it over a corner
    red[6:, 7:] = 1  # the same colour elsewhere: another nucleus
    for stem, mask in (("a", red), ("b", red.T.copy()), ("empty", np.zeros((8, 9), np.uint8))):
        coloured(tmp_path / "masks" / f"{stem}.png", mask)
        tifffile.imwrite(tmp_path / "images" / f"{stem}.tif", np.full(mask.shape, 100, np.uint16))
    for split, names in (("training", "empty.png\na.png\n"), ("validation", "b.png\r\n"), ("test", "")):
        (tmp_path / "metadata" / f"{split}.txt").write_bytes(names.encode())
    return tmp_path


def test_official_layout(official):
    dataset = datasets.create("bbbc039", root=official)
    assert dataset.splits == {"train": ("a", "empty"), "val": ("b",), "test": ()}
    expected = np.zeros((8, 9), int)
    expected[1:3, 1:4] = 1
    expected[3:5, 1:4] = expected[5, 4] = 2
    expected[6:, 7:] = 3
    np.testing.assert_array_equal(dataset.load("a").labels, expected)
    assert dataset.load("empty").labels.max() == 0


def test_truth_options(official):
    dataset = datasets.create("bbbc039", root=official, min_size=5, min_objects=1)
    assert dataset.splits["train"] == ("a",)
    assert dataset.load("a").labels.max() == 2  # the one of 4 pixels is gone, ids are consecutive again
    assert np.bincount(dataset.load("a").labels.reshape(-1))[1:].tolist() == [6, 7]


def test_nested_unzip(official):
    for part in ("images", "masks", "metadata"):
        (official / part).rename(official / "moved")
        (official / part).mkdir()
        (official / "moved").rename(official / part / part)
    assert datasets.create("bbbc039", root=official).load("b").labels.max() == 3


def test_missing_files(official):
    (official / "images" / "a.tif").unlink()
    with pytest.raises(DataError, match=r"1 of 3 fields .* the first a; allow_missing"):
        datasets.create("bbbc039", root=official)
    dataset = datasets.create("bbbc039", root=official, allow_missing=True)
    assert dataset.splits["train"] == ("empty",)
    (official / "masks" / "b.png").unlink()
    with pytest.raises(DataError, match=r"b\.tif: no mask b"):
        datasets.create("bbbc039", root=official, allow_missing=True)


def test_mask_of_another_encoding(official):
    coloured(official / "masks" / "a.png", np.ones((8, 9), np.uint8), g=3)
    with pytest.raises(DataError, match=r"a\.png: 4 channels, expected a label image or an official mask"):
        datasets.create("bbbc039", root=official).load("a")


def test_shape_mismatch_names_both_shapes(official):
    coloured(official / "masks" / "a.png", np.ones((8, 7), np.uint8))
    with pytest.raises(DataError, match=r"a\.png: the mask is 8x7 .* a?.*a\.tif is 8x9"):
        datasets.create("bbbc039", root=official).load("a")


def test_split_lists_absent_or_wrong(official):
    shutil.rmtree(official / "metadata")
    with pytest.raises(DataError, match=r"neither metadata/training\.txt nor index\.csv"):
        datasets.create("bbbc039", root=official)
    (official / "index.csv").write_text("stem,split\na,train\n")
    with pytest.raises(DataError, match=r"split 'train', expected .* training, validation, test"):
        datasets.create("bbbc039", root=official)
    (official / "index.csv").write_text("name\na\n")
    with pytest.raises(DataError, match="stem None"):
        datasets.create("bbbc039", root=official)
    (official / "index.csv").write_text("stem,split\nother,training\n")
    with pytest.raises(DataError, match=r"no image .* named in a split list"):
        datasets.create("bbbc039", root=official)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "f0,training\nf1,training\nf1,validation\nf2,validation\n",
            "field f1 is listed in both train and val",
        ),
        ("f0,training\nf1,training\nf2,validation\nf1,test\n", "field f1 is listed in both train and test"),
        ("f0,training\nf1,training\nf0,training\nf2,validation\n", "field f0 is listed twice in train"),
    ],
)
def test_index_that_lists_a_field_twice(tmp_path, rows, message):
    fields(tmp_path, ["f0", "f1", "f2"])
    (tmp_path / "index.csv").write_text(f"stem,split\n{rows}")
    with pytest.raises(DataError, match=f"data set bbbc039: {message}"):
        _ = datasets.create("bbbc039", root=tmp_path).splits
    with pytest.raises(DataError, match=message):
        _ = datasets.create("bbbc039", root=tmp_path, min_objects=1).splits


def test_official_lists_that_share_a_field(official):
    """As `a.png` here and `a.tif` there: the stem is what names a field."""
    (official / "metadata" / "validation.txt").write_text("b.png\na.tif\n")
    with pytest.raises(DataError, match="field a is listed in both train and val"):
        _ = datasets.create("bbbc039", root=official).splits
    (official / "metadata" / "validation.txt").write_text("b.png\nb.tif\n")
    with pytest.raises(DataError, match="field b is listed twice in val"):
        _ = datasets.create("bbbc039", root=official).splits


def test_real_counts(shared):
    """Every training and validation field: the published counts, by 8-connected components."""
    root = shared / "bbbc039"
    dataset = datasets.create("bbbc039", root=root)
    with (root / "index.csv").open() as file:
        expected = {row["stem"]: int(row["n_objects"]) for row in csv.DictReader(file)}
    counts = {
        split: {field.id: int(field.labels.max()) for field in dataset.samples(split)}
        for split in dataset.splits
    }
    assert counts["train"] | counts["val"] == expected
    assert sum(counts["train"].values()) == 11_999
    assert sum(counts["val"].values()) == 5_896


def test_real_official_files_equal_the_flat_ones(shared, tmp_path):
    original = shared / "bbbc039" / "original_format_sample"
    flat = datasets.create("bbbc039", root=shared / "bbbc039")
    for part in ("images", "masks"):
        shutil.copytree(original / part, tmp_path / part)
    (tmp_path / "metadata").mkdir()
    for official, ours in (("training", "train"), ("validation", "val")):
        (tmp_path / "metadata" / f"{official}.txt").write_text(
            "".join(f"{stem}.png\n" for stem in flat.splits[ours])
        )
    dataset = datasets.create("bbbc039", root=tmp_path, allow_missing=True)
    fields = [field for split in dataset.splits for field in dataset.samples(split)]
    assert len(fields) == 3
    for field in fields:
        same = flat.load(field.id)
        np.testing.assert_array_equal(field.image, same.image)
        np.testing.assert_array_equal(field.labels, same.labels)
