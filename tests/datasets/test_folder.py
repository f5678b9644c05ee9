"""A user's own images."""

import numpy as np
import pytest

from fcrbench import datasets
from fcrbench.errors import DataError, UsageError
from fcrbench.io import write_labels, write_png


def fields(root, stems):
    labels = np.zeros((6, 7), int)
    labels[1:3, 1:3], labels[4:, 4:] = 40, 9
    for stem in stems:
        write_png(root / "images" / f"{stem}.png", np.full((6, 7), 50, np.uint16))
        write_labels(root / "masks" / f"{stem}.tif", labels)
    return root


def test_paired_by_stem_and_split_by_seed(tmp_path):
    dataset = datasets.create("folder", root=fields(tmp_path, "abcdefghij"), val_fraction=0.3)
    assert {split: len(ids) for split, ids in dataset.splits.items()} == {"train": 7, "val": 3}
    field = dataset.load("a")
    assert np.unique(field.labels).tolist() == [0, 1, 2]
    assert (field.image.dtype, field.labels.dtype) == (np.uint16, np.int32)
    assert dataset.splits == datasets.create("folder", root=str(tmp_path), val_fraction=0.3).splits
    with pytest.raises(UsageError, match="no field 'z'"):
        dataset.load("z")


def test_split_folders(tmp_path):
    for split, stems in (("train", "ab"), ("val", "c"), ("test", "d")):
        fields(tmp_path / split, stems)
    dataset = datasets.create("folder", root=tmp_path)
    assert dataset.splits == {"train": ("a", "b"), "val": ("c",), "test": ("d",)}
    assert [field.id for field in dataset.samples("train")] == ["a", "b"]
    with pytest.raises(UsageError, match="has no split 'valid', only train, val, test"):
        dataset.samples("valid")
    fields(tmp_path / "val", "a")
    with pytest.raises(DataError, match=r"val/images/a\.png: the same stem as .*train/images/a\.png"):
        datasets.create("folder", root=tmp_path)


def test_train_without_val(tmp_path):
    fields(tmp_path / "train", "ab")
    with pytest.raises(DataError, match="val: no such folder"):
        datasets.create("folder", root=tmp_path)


def test_image_without_mask(tmp_path):
    fields(tmp_path, "abc")
    (tmp_path / "masks" / "b.tif").unlink()
    with pytest.raises(DataError, match=r"images/b\.png: no mask b\.png or \.tif in .*masks$"):
        datasets.create("folder", root=tmp_path)
    (tmp_path / "masks" / "c.tif").unlink()
    with pytest.raises(DataError, match=r"2 of 3 images have none"):
        datasets.create("folder", root=tmp_path)


def test_mask_without_image_is_left_out(tmp_path):
    fields(tmp_path, "abc")
    (tmp_path / "images" / "b.png").unlink()
    ids = {id_ for part in datasets.create("folder", root=tmp_path).splits.values() for id_ in part}
    assert ids == {"a", "c"}


def test_empty(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    with pytest.raises(DataError, match="images: no image in it; expected files"):
        datasets.create("folder", root=tmp_path)


def test_one_field_cannot_be_split(tmp_path):
    fields(tmp_path, "a")
    with pytest.raises(DataError, match="cannot both train and validate; add another"):
        datasets.create("folder", root=tmp_path)
    assert datasets.create("folder", root=tmp_path, val_fraction=1).splits == {"train": (), "val": ("a",)}


def test_shapes(tmp_path):
    fields(tmp_path, "ab")
    write_labels(tmp_path / "masks" / "a.tif", np.zeros((6, 8), int))
    with pytest.raises(DataError, match=r"masks/a\.tif: the mask is 6x8 .*images/a\.png is 6x7"):
        datasets.create("folder", root=tmp_path).load("a")


@pytest.mark.parametrize("value", [-1, 2.5, "3"])
def test_min_size_must_be_a_count(tmp_path, value):
    with pytest.raises(UsageError, match="min_size is"):
        datasets.create("folder", root=fields(tmp_path, "ab"), min_size=value)


def test_files_that_differ_only_in_upper_case(tmp_path):
    fields(tmp_path, ["cell", "Cell", "other"])
    if len(list((tmp_path / "images").iterdir())) < 3:
        pytest.skip("the disk does not tell upper from lower case")
    with pytest.raises(DataError, match="differ only in upper and lower case"):
        _ = datasets.create("folder", root=tmp_path).splits


def test_masks_are_labelled_on_request(tmp_path):
    fields(tmp_path, "ab")
    mask = np.zeros((6, 7), np.uint8)
    mask[0, 0] = mask[2:4, 2:4] = mask[4, 4] = 255
    for stem in "ab":
        write_labels(tmp_path / "masks" / f"{stem}.tif", mask)
    plain = datasets.create("folder", root=tmp_path)
    assert plain.load("a").labels.max() == 1
    labelled = datasets.create("folder", root=tmp_path, label_mask=True, min_objects=3)
    assert {id_ for ids in labelled.splits.values() for id_ in ids} == {"a", "b"}
    labels = labelled.load("a").labels
    assert labels.max() == 3  # pixels that touch at a corner only are apart
    assert datasets.create("folder", root=tmp_path, label_mask=True, min_size=2).load("a").labels.max() == 1
    write_labels(tmp_path / "masks" / "b.tif", labels)
    with pytest.raises(DataError, match=r"b.tif: expected a mask with one value besides 0"):
        labelled.load("b")


def test_fields_that_look_like_no_labels_are_collected_once(tmp_path):
    fields(tmp_path, "ab")
    mask = np.kron(np.eye(8, dtype=np.uint8), np.full((4, 4), 255, np.uint8))
    for stem in "bc":
        write_png(tmp_path / "images" / f"{stem}.png", mask)
        write_labels(tmp_path / "masks" / f"{stem}.tif", mask)
    dataset = datasets.create("folder", root=tmp_path)
    for id_ in "abca":
        dataset.load(id_)
    (message,) = dataset.findings.messages()
    assert message.startswith(
        "truth looks like a mask of 0 and 255: one id in 8 pieces (b and 1 more of 3); "
    )
