"""BBBC006 in its official layout, drawn and real."""

import csv
import shutil
import uuid

import imagecodecs
import numpy as np
import pytest
import tifffile

from fcrbench import datasets
from fcrbench.errors import DataError, UsageError

PLATE = "mcf-z-stacks-03212011"


def plate(root, wells, z=16):
    """Image files (one pixel value a field) and labels with gaps, named like the official ones."""
    images, labels = root / f"BBBC006_v1_images_z_{z:02d}", root / "BBBC006_v1_labels"
    for folder in (images, labels):
        folder.mkdir(parents=True, exist_ok=True)
    for number, (well, site) in enumerate((w, s) for w in wells for s in (1, 2)):
        field = f"{PLATE}_{well}_s{site}"
        for channel in (1, 2):
            pixels = np.full((4, 6), 100 * channel + number % 100, np.uint16)
            name = f"{field}_w{channel}{uuid.UUID(int=10 * number + channel)}.tif"
            tifffile.imwrite(images / name, pixels, compression="lzw")
        mask = np.zeros((4, 6), np.uint8)
        mask[0, :2], mask[2, 3:] = 255, 7
        if number == 0:
            mask[:] = 0
        (labels / f"{field}.png").write_bytes(imagecodecs.png_encode(mask))
    return root


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """All 384 wells; links to few real files keep it quick."""
    root = plate(tmp_path_factory.mktemp("bbbc006"), ["a01"])
    images, labels = root / "BBBC006_v1_images_z_16", root / "BBBC006_v1_labels"
    image, mask = next(images.glob("*s2_w1*")), next(labels.glob("*s2*"))
    for row in "abcdefghijklmnop":
        for column in range(1, 25):
            for site in (1, 2):
                field = f"{PLATE}_{row}{column:02d}_s{site}"
                if not (labels / f"{field}.png").exists():
                    (images / f"{field}_w1{uuid.uuid4()}.tif").hardlink_to(image)
                    (labels / f"{field}.png").hardlink_to(mask)
    return root


def test_pairs_channels_and_ids(tmp_path):
    dataset = datasets.create("bbbc006", root=plate(tmp_path, ["a01", "p24"]))
    ids = {f"{PLATE}_{field}" for field in ("a01_s1", "a01_s2", "p24_s1", "p24_s2")}
    assert {id_ for split in dataset.splits.values() for id_ in split} == ids
    field = dataset.load(f"{PLATE}_p24_s1")
    assert (field.image == 102).all()
    assert np.unique(field.labels).tolist() == [0, 1, 2]  # 255 and 7 in the file
    assert field.labels[0, 0] == 1
    assert datasets.create("bbbc006", root=tmp_path, channel=2).load(field.id).image[0, 0] == 202


def test_empty_fields_kept_or_left_out(tmp_path):
    plate(tmp_path, ["a01", "b02", "c03"])
    empty = f"{PLATE}_a01_s1"
    everything = datasets.create("bbbc006", root=tmp_path)
    assert empty in {id_ for ids in everything.splits.values() for id_ in ids}
    filtered = datasets.create("bbbc006", root=tmp_path, min_objects=2)
    for split, ids in filtered.splits.items():
        assert ids == tuple(id_ for id_ in everything.splits[split] if id_ != empty)
    with pytest.raises(DataError, match=r"none of \d fields of the split train has 3 objects"):
        _ = datasets.create("bbbc006", root=tmp_path, min_objects=3).splits


def test_plane_and_nested_folder(tmp_path):
    plate(tmp_path, ["a01"], z=3)
    with pytest.raises(DataError, match="z_16: no such folder"):
        datasets.create("bbbc006", root=tmp_path)
    assert datasets.create("bbbc006", root=tmp_path, z=3).splits["train"]
    for name in ("BBBC006_v1_images_z_03", "BBBC006_v1_labels"):
        (tmp_path / name).rename(tmp_path / "moved")
        (tmp_path / name).mkdir()
        (tmp_path / "moved").rename(tmp_path / name / name)
    assert datasets.create("bbbc006", root=tmp_path, z=3).splits["train"]


def test_refusals(tmp_path):
    with pytest.raises(UsageError, match="z is 34"):
        datasets.create("bbbc006", root=plate(tmp_path, ["a01"]), z=34)
    with pytest.raises(UsageError, match="channel is 3"):
        datasets.create("bbbc006", root=tmp_path, channel=3)
    extra = tmp_path / "BBBC006_v1_images_z_16" / f"{PLATE}_a01_s1_w1{uuid.uuid4()}.tif"
    extra.write_bytes(b"x")
    with pytest.raises(DataError, match=f"a second image of {PLATE}_a01_s1"):
        datasets.create("bbbc006", root=tmp_path)
    extra.unlink()
    (tmp_path / "BBBC006_v1_labels" / f"{PLATE}_a01_s2.png").unlink()
    with pytest.raises(DataError, match=rf"no label {PLATE}_a01_s2\.png"):
        datasets.create("bbbc006", root=tmp_path)
    shutil.rmtree(tmp_path / "BBBC006_v1_images_z_16")
    (tmp_path / "BBBC006_v1_images_z_16").mkdir()
    with pytest.raises(DataError, match="no image named like"):
        datasets.create("bbbc006", root=tmp_path)


def test_split_sizes_of_the_paper(full):
    splits = datasets.create("bbbc006", root=full).splits
    assert (len(splits["train"]), len(splits["val"])) == (604, 164)
    assert splits == datasets.create("bbbc006", root=full).splits
    assert splits != datasets.create("bbbc006", root=full, seed=1).splits


def test_split_by_well(full):
    splits = datasets.create("bbbc006", root=full, by_well=True).splits
    assert (len(splits["train"]), len(splits["val"])) == (604, 164)
    wells = [{id_[:-3] for id_ in ids} for ids in splits.values()]
    assert not wells[0] & wells[1]


def test_real_pairs(shared, tmp_path):
    """The official z_00 files and labels at hand: paired on well and site, equal to the flat copies."""
    source = shared / "bbbc006"
    (tmp_path / "BBBC006_v1_images_z_00").mkdir()
    for stem in ("i05_s2", "i07_s2"):
        file = next((source / "BBBC006_v1_images_z_00").glob(f"*_{stem}_w1*.tif"))
        shutil.copy(file, tmp_path / "BBBC006_v1_images_z_00")
    shutil.copytree(source / "BBBC006_v1_labels", tmp_path / "BBBC006_v1_labels")
    official = datasets.create("bbbc006", root=tmp_path, z=0)
    flat = datasets.create("folder", root=source)
    with (source / "labels_index.csv").open() as file:
        counts = {row["stem"]: int(row["n_objects"]) for row in csv.DictReader(file)}
    ids = [id_ for split in official.splits.values() for id_ in split]
    assert len(ids) == 2
    for id_ in ids:
        field = official.load(id_)
        assert (field.image.shape, field.image.dtype) == ((520, 696), np.uint16)
        assert field.labels.max() == counts[id_]
        np.testing.assert_array_equal(field.image, flat.load(id_).image)
        np.testing.assert_array_equal(field.labels, flat.load(id_).labels)
    with pytest.raises(DataError, match="no label"):
        datasets.create("bbbc006", root=source, z=0)  # eight of its images have none
