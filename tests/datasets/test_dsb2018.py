"""The Data Science Bowl images in their two layouts."""

import csv

import imagecodecs
import numpy as np
import pytest

from fcrbench import datasets
from fcrbench.datasets.dsb2018 import _NEAR_DUPLICATES
from fcrbench.errors import DataError

SHAPE = (12, 14)


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(imagecodecs.png_encode(pixels))


def field(root, id_, nuclei, gray=20, colour=False):
    """One field of the Kaggle layout: RGBA image and a mask file for each of the given slices."""
    rgba = np.full((*SHAPE, 4), gray, np.uint8)
    rgba[..., 3] = 255
    if colour:
        rgba[..., 2] += 30
    write(root / id_ / "images" / f"{id_}.png", rgba)
    for number, where in enumerate(nuclei):
        mask = np.zeros(SHAPE, np.uint8)
        mask[where] = 255
        write(root / id_ / "masks" / f"{number:03d}.png", mask)


BIG, SMALL, APART = np.s_[0:6, 0:6], np.s_[4:8, 4:8], np.s_[9:, 9:]


@pytest.fixture
def kaggle(tmp_path):
    for id_ in "abcd":
        field(tmp_path / "stage1_train", id_, [SMALL, APART, BIG])
    return tmp_path


def test_overlap_goes_to_the_smaller_nucleus(kaggle):
    labels = datasets.create("dsb2018", root=kaggle).load("a").labels
    expected = np.zeros(SHAPE, int)
    expected[BIG] = 1
    expected[SMALL] = 2
    expected[APART] = 3
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("inner", [".", "stage1_train"])
def test_root_may_be_the_archive_folder_or_hold_it(kaggle, inner):
    splits = datasets.create("dsb2018", root=kaggle / inner, val_fraction=0.5).splits
    assert sorted(id_ for ids in splits.values() for id_ in ids) == list("abcd")
    assert len(splits["val"]) == 2


def test_only_fluorescence_images(kaggle):
    root = kaggle / "stage1_train"
    field(root, "bright", [BIG], gray=200)
    field(root, "purple", [BIG], colour=True)
    ids = {id_ for part in datasets.create("dsb2018", root=kaggle).splits.values() for id_ in part}
    assert ids == set("abcd")


def test_none_of_the_images_fits(tmp_path):
    field(tmp_path, "bright", [BIG], gray=200)
    with pytest.raises(DataError, match="none of 1 images is a gray fluorescence image"):
        _ = datasets.create("dsb2018", root=tmp_path).splits


def test_broken_fields(kaggle):
    root = kaggle / "stage1_train"
    mask = root / "a" / "masks" / "001.png"
    write(mask, np.zeros((3, 3), np.uint8))
    with pytest.raises(DataError, match=r"001\.png: the mask is 3x3 .* is 12x14"):
        datasets.create("dsb2018", root=kaggle).load("a")
    for file in (root / "b" / "masks").iterdir():
        file.unlink()
    with pytest.raises(DataError, match=r"b/masks: no mask in it"):
        datasets.create("dsb2018", root=kaggle).load("b")
    (root / "b" / "masks").rmdir()
    with pytest.raises(DataError, match=r"b\.png: no masks folder"):
        datasets.create("dsb2018", root=kaggle)
    (root / "b" / "images" / "b.png").unlink()
    with pytest.raises(DataError, match=r"b/images: 0 images, expected one"):
        datasets.create("dsb2018", root=kaggle)


def test_near_duplicates_stay_together(tmp_path):
    ids = [*_NEAR_DUPLICATES, *"abcdef"]
    for id_ in ids:
        field(tmp_path, id_, [BIG])
    sides = set()
    for seed in range(20):
        splits = datasets.create("dsb2018", root=tmp_path, seed=seed, val_fraction=0.4).splits
        side = {split for split, part in splits.items() if set(_NEAR_DUPLICATES) & set(part)}
        assert len(side) == 1
        sides |= side
    assert sides == {"train", "val"}


def test_fields_of_bbbc039_are_left_out(tmp_path, shared):
    with (shared / "dsb2018-fluo" / "excluded.csv").open() as file:
        twins = [row["stem"] for row in csv.DictReader(file) if "BBBC039" in row["reason"]]
    assert len(twins) == 43
    for id_ in [*twins, *"abcd"]:
        field(tmp_path, id_, [BIG])
    for kept, options in ((set("abcd"), {}), ({*twins, *"abcd"}, {"with_bbbc039": True})):
        splits = datasets.create("dsb2018", root=tmp_path, **options).splits
        assert {id_ for ids in splits.values() for id_ in ids} == kept


def test_real_counts_and_split(shared):
    root = shared / "dsb2018-fluo"
    dataset = datasets.create("dsb2018", root=root)
    assert {split: len(ids) for split, ids in dataset.splits.items()} == {"train": 339, "val": 85}
    with (root / "index.csv").open() as file:
        expected = {row["stem"]: int(row["n_objects"]) for row in csv.DictReader(file)}
    assert sum(expected.values()) == 15_248
    counts = {f.id: int(f.labels.max()) for split in dataset.splits for f in dataset.samples(split)}
    assert counts == expected
    assert any(set(_NEAR_DUPLICATES) <= set(ids) for ids in dataset.splits.values())


def test_real_kaggle_files_equal_the_flat_ones(shared):
    root = shared / "dsb2018-fluo"
    flat = datasets.create("dsb2018", root=root)
    original = datasets.create("dsb2018", root=root / "original_format_sample")
    fields = [f for split in original.splits for f in original.samples(split)]
    assert len(fields) == 3
    for f in fields:
        np.testing.assert_array_equal(f.image, flat.load(f.id).image)
        np.testing.assert_array_equal(f.labels, flat.load(f.id).labels)
