"""The embedded data set: what is promised beside the data holds."""

import hashlib
import zipfile

import numpy as np
import pytest

from fcrbench import datasets
from fcrbench.datasets.sample import DATA
from fcrbench.io import read_labels
from fcrbench.postprocess import label


@pytest.fixture(scope="module")
def sample():
    return datasets.create("sample")


def test_splits(sample):
    assert {split: len(ids) for split, ids in sample.splits.items()} == {"train": 36, "val": 10}
    assert not set(sample.splits["train"]) & set(sample.splits["val"])


def test_every_field(sample):
    """Native size and depth, consecutive 8-connected objects in raster order, real signal."""
    objects = 0
    for split in sample.splits:
        for field in sample.samples(split):
            assert field.image.shape == field.labels.shape == (520, 696)
            assert (field.image.dtype, field.labels.dtype) == (np.uint16, np.int32)
            assert 0 < field.image.min() < field.image.max() <= 4095
            first = np.unique(field.labels, return_index=True)[1]
            assert (np.diff(first[1:]) > 0).all()
            assert label(field.labels, connectivity=2)[1] == field.labels.max()
            if field.labels.any():
                assert field.image[field.labels > 0].mean() > 1.2 * field.image[field.labels == 0].mean()
            objects += int(field.labels.max())
    assert objects == 5248


def test_hashes():
    lines = (DATA / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
    there = {file.relative_to(DATA).as_posix(): file for file in DATA.glob("*/*/*")}
    assert set(listed) == set(there)
    for name, file in there.items():
        assert hashlib.sha256(file.read_bytes()).hexdigest() == listed[name], name


def test_notice_states_source_and_licence():
    notice = (DATA / "NOTICE.md").read_text()
    for words in ("https://bbbc.broadinstitute.org/BBBC039", "CC0", "Caicedo", "Ljosa", "i*n//k"):
        assert words in notice


def test_wheel_holds_the_data_in_at_most_12_mb(tmp_path):
    pytest.importorskip("hatchling")
    from hatchling.builders.wheel import WheelBuilder

    root = DATA.parents[3]
    if not (root / "pyproject.toml").is_file():
        pytest.skip("fcrbench is installed: there is no source tree to build from")
    wheel = next(iter(WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"])))
    with zipfile.ZipFile(wheel) as opened:
        size = {info.filename: info.compress_size for info in opened.infolist()}
        held = {n for n in size if n.startswith("fcrbench/datasets/data/sample/")}
        assert sum(n.endswith(".tif") for n in held) == 92
        assert {"NOTICE.md", "SHA256SUMS"} <= {n.rpartition("/")[2] for n in held}
        assert sum(size[name] for name in held) <= 12_000_000
        assert sum(size.values()) <= 18_000_000  # with the default weights


def test_equal_to_the_source_and_chosen_by_the_rule(sample, shared):
    source = datasets.create("bbbc039", root=shared / "bbbc039")
    for split, count in (("train", 36), ("val", 10)):
        ids = sorted(source.splits[split])
        assert sample.splits[split] == tuple(ids[i * len(ids) // count] for i in range(count))
    for stem in (*sample.splits["train"][::9], *sample.splits["val"][::5]):
        ours, theirs = sample.load(stem), source.load(stem)
        np.testing.assert_array_equal(ours.image, theirs.image)
        np.testing.assert_array_equal(ours.labels, theirs.labels)


def test_masks_are_stored_as_they_are_loaded(sample):
    stem = sample.splits["val"][0]
    stored = read_labels(DATA / "val" / "masks" / f"{stem}.tif")
    np.testing.assert_array_equal(stored, sample.load(stem).labels)
