"""Several data sets as one."""

import numpy as np
import pytest
from test_folder import fields

from fcrbench import datasets
from fcrbench.errors import DataError, UsageError
from fcrbench.io import write_png


def test_splits_and_fields_are_those_of_the_parts():
    joined = datasets.create("joined", parts=["sample", "synthetic"])
    for split in ("train", "val"):
        expected = [
            (f"{name}-{sample.id}", sample)
            for name in ("sample", "synthetic")
            for sample in datasets.create(name).samples(split)
        ]
        found = list(joined.samples(split))
        assert [sample.id for sample in found] == [id_ for id_, _ in expected]
        for sample, (_, single) in zip(found, expected, strict=True):
            np.testing.assert_array_equal(sample.image, single.image)
            np.testing.assert_array_equal(sample.labels, single.labels)


def test_real_sets_share_no_field(shared):
    parts = [f"bbbc039={shared / 'bbbc039'}", f"dsb2018={shared / 'dsb2018-fluo'}"]
    splits = datasets.create("joined", parts=parts).splits
    assert {split: len(ids) for split, ids in splits.items()} == {"train": 439, "val": 135}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], r"parts is \[\], expected two or more.*bbbc039=data/bbbc039"),
        (["sample"], r"parts is \['sample'\], expected two or more"),
        (["sample", "sample"], "'sample' names a data set that is a part already"),
        (["sample", "joined"], "'joined' names a data set that is a part already"),
        (["sample", "simple"], "unknown data set 'simple'; did you mean 'sample'"),
        (["sample", "bbbc039"], "bbbc039 needs its folder"),
        (["sample", "synthetic=here"], "synthetic takes no folder"),
        (["sample", 3], r"parts is \['sample', 3\], expected tuple"),
        ("sample", r"parts is 'sample', expected tuple"),
    ],
)
def test_parts_that_cannot_be(parts, message):
    with pytest.raises(UsageError, match=message):
        datasets.create("joined", parts=parts)


def test_folder_of_a_part_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        datasets.create("joined", parts=["sample", f"bbbc039={tmp_path / 'none'}"])


def test_unknown_field():
    joined = datasets.create("joined", parts=["sample", "synthetic"])
    for id_ in ("other-1", "sample-none"):
        with pytest.raises(UsageError, match="no field"):
            joined.load(id_)


def test_one_folder_under_two_names_in_joined(tmp_path):
    fields(tmp_path, ["f0", "f1"])
    (tmp_path / "index.csv").write_text("stem,split\nf0,training\nf1,validation\n")
    joined = datasets.create("joined", parts=[f"bbbc039={tmp_path}", f"folder={tmp_path}"])
    with pytest.raises(
        DataError, match=r"field f\d is listed in both .* of bbbc039 and .* of folder, with the"
    ):
        _ = joined.splits


def test_joined_takes_equal_ids_of_other_images(tmp_path):
    fields(tmp_path / "one", ["f0", "f1"])
    fields(tmp_path / "two", ["f0", "f1"])
    for stem in ("f0", "f1"):
        write_png(tmp_path / "two" / "images" / f"{stem}.png", np.full((6, 7), 51, np.uint16))
    (tmp_path / "one" / "index.csv").write_text("stem,split\nf0,training\nf1,validation\n")
    joined = datasets.create("joined", parts=[f"bbbc039={tmp_path / 'one'}", f"folder={tmp_path / 'two'}"])
    assert joined.splits["train"][0] == "bbbc039-f0"
    assert {joined.load(id_).image[0, 0] for ids in joined.splits.values() for id_ in ids} == {50, 51}
