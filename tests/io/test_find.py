"""Which files of a folder are images, by which name, and what is said about the others."""

import os

import numpy as np
import pytest
import tifffile

from fcrbench.errors import DataError
from fcrbench.io import write_labels
from fcrbench.io.find import find_images, list_images
from fcrbench.io.large import new_labels
from fcrbench.io.names import split_name
from fcrbench.io.roles import images_in, labels_in
from fcrbench.io.zarr_folder import is_zarr, is_zarr_labels


@pytest.fixture
def make(tmp_path):
    def files(*names, content=b"x"):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return tmp_path

    return files


@pytest.mark.parametrize(
    ("file", "name"),
    [
        *(("a.tif", "a"), ("a.TIFF", "a"), ("a.ome.tif", "a"), ("a.OME.TIF", "a"), ("a.lsm.tif", "a.lsm")),
        *((".ome.tif", ".ome"), ("a.b.png", "a.b"), ("a..tif", "a."), ("a.ome.btf", "a")),
    ],
)
def test_names(file, name):
    assert split_name(file) == (name, file[len(name) :])


def test_every_kind_of_tiff_is_found(make):
    folder = make("a.btf", "b.TF8", "c.tf2", "d.lsm", "e.ome.TIF", "f.PNG", "g.tiff")
    assert list(find_images(folder)) == list("abcdefg")


def test_folders_below_keep_their_names(make):
    folder = make("a.tif", "well_B02/f.tif", "well_B02/deep/f.png", "well_B03/f.tif")
    assert list(find_images(folder)) == ["a"]
    found = find_images(folder, recursive=True)
    assert list(found) == ["a", "well_B02/deep/f", "well_B02/f", "well_B03/f"]
    assert found["well_B02/deep/f"] == folder / "well_B02" / "deep" / "f.png"


def test_files_of_the_system_are_skipped_silently(make):
    folder = make(
        *("a.tif", "._a.tif", ".DS_Store", "Thumbs.db", "desktop.ini", ".hidden/b.tif", "__MACOSX/x/._a.tif"),
        *("@eaDir/a.tif/thumb.png", "scores.csv", "readme.txt", "meta.json", "acquisition.xml"),
    )
    listing = list_images(folder, recursive=True)
    assert list(listing.by_name()) == ["a"]
    assert listing.describe_left_out() == ""


def test_what_is_left_out_is_counted_and_named_in_one_line(make):
    folder = make("a.tif", "x.sld", "b.gif", "w/c.GIF", "noext", *(f"{n}.svs" for n in range(5000)))
    line = list_images(folder, recursive=True).describe_left_out()
    assert line == (
        f"{folder}: left out 5000 .svs (0.svs, ...), 2 .gif (b.gif, ...), 1 .sld (x.sld), "
        '1 file without a suffix (noext); to read .sld: pip install "fcrbench[bio]" bioio-sldy'
    )
    make(*(f"y.k{n}" for n in range(9)))
    line = list_images(folder, recursive=True).describe_left_out()
    assert "files of 8 other kinds" in line
    assert len(line) < 300


def test_links_are_followed_but_not_in_a_ring(make):
    folder = make("a/f.tif", "outside/g.tif")
    top = folder / "a"
    (top / "ring").symlink_to(top)
    (top / "self").symlink_to("self")
    (top / "up").symlink_to(folder)
    (top / "h.tif").symlink_to(folder / "outside" / "g.tif")
    (top / "gone.tif").symlink_to("nowhere.tif")  # reading it says so
    assert set(find_images(top, recursive=True)) == {"f", "h", "gone", "up/outside/g"}
    real = make("b/sub/f.tif") / "b"
    (real / "a_link").symlink_to(real / "sub")
    assert list(find_images(real, recursive=True)) == ["sub/f"]


def test_a_pipe_is_left_out(make):
    folder = make("a.tif")
    os.mkfifo(folder / "b.tif")
    (folder / "c.tif").symlink_to("b.tif")
    listing = images_in(folder)
    assert list(listing.by_name()) == ["a"]
    assert "2 pipes or devices (b.tif, ...)" in listing.describe_left_out()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads every folder")
def test_an_unreadable_folder_is_named(make):
    folder = make("a.tif", "closed/b.tif")
    (folder / "closed").chmod(0)
    try:
        listing = list_images(folder, recursive=True)
    finally:
        (folder / "closed").chmod(0o755)
    assert list(listing.by_name()) == ["a"]
    assert "1 folder that cannot be read (closed/)" in listing.describe_left_out()


@pytest.mark.parametrize("marker", [".zattrs", ".zgroup", ".zarray", "zarr.json"])
def test_a_zarr_folder_is_one_image_whatever_its_name(make, marker):
    folder = make(f"plate/{marker}", "plate/0/0.0", "plate/0/x.tif", "b.ome.zarr/.zgroup", "c.zarr/0/0")
    assert is_zarr(folder / "plate")
    assert not is_zarr(folder)
    assert list(find_images(folder, recursive=True)) == ["b", "c", "plate"]
    assert list(find_images(folder)) == ["b", "c", "plate"]


def test_label_images_that_we_write_are_known(tmp_path):
    pytest.importorskip("zarr")
    labels = np.eye(40, dtype=np.int32)
    for name in ("a.tif", "b.ome.tif"):
        write_labels(tmp_path / name, labels)
    for name in ("c.tif", "d.ome.tif", "e.zarr"):
        with new_labels(tmp_path / name, (2100, 2100)) as plane:
            plane[:40, :40] = labels
    tifffile.imwrite(tmp_path / "image.tif", labels.astype(np.uint8))
    listing = images_in(tmp_path)
    assert list(listing.by_name()) == ["image"]
    assert "5 label images that fcrbench wrote" in listing.describe_left_out()


@pytest.mark.parametrize(
    ("file", "content", "is_labels"),
    [
        (".zattrs", b'{"image-label": {}}', True),
        ("zarr.json", b'{"attributes": {"ome": {"image-label": {}}}}', True),
        ("zarr.json", b'{"attributes": {"ome": {"multiscales": []}}}', False),
        (".zattrs", b"[1]", False),
        (".zattrs", b"no json", False),
    ],
)
def test_label_images_in_zarr_are_known(make, file, content, is_labels):
    folder = make(f"a.zarr/{file}", content=content)
    assert is_zarr_labels(folder / "a.zarr") == is_labels
    assert list(images_in(folder).by_name()) == ([] if is_labels else ["a"])
    assert list(labels_in(folder).by_name()) == ["a"]


CELLPOSE = [
    "f_cp_masks.png",
    "f_flows_cp_masks.tif",
    "f_outlines_cp_masks.png",
    "f_dP_cp_masks.tif",
    "f_seg.npy",
]


@pytest.mark.parametrize(
    ("files", "images", "labels"),
    [
        (["f.tif", *CELLPOSE], ["f"], ["f_cp_masks"]),
        (["f.tif", "f_seg.npy"], ["f"], ["f_seg"]),
        (["f.tif", "masks/f_cp_masks.png", "flows/f_flows_cp_masks.tif"], ["f"], ["masks/f_cp_masks"]),
        (["f_img.png", "f_masks.png"], ["f_img"], ["f_masks"]),
        (["f.tif", "f_mask.tif"], ["f"], ["f", "f_mask"]),
        (["f.tif", "f_nuclei.tif"], ["f", "f_nuclei"], ["f", "f_nuclei"]),
        (["f_cp_masks.png", "g_cp_masks.png"], ["f_cp_masks", "g_cp_masks"], ["f_cp_masks", "g_cp_masks"]),
        (["f.tif", "f_overlay.png", "g_overlay.png"], ["f", "g_overlay"], ["f", "g_overlay"]),
        (["f.tif", "f.ome.png_cp_masks.tif"], ["f", "f.ome.png_cp_masks"], ["f", "f.ome.png_cp_masks"]),
        (["cafe\u0301.tif", "caf\u00e9_cp_masks.png"], ["cafe\u0301"], ["caf\u00e9_cp_masks"]),
    ],
)
def test_images_are_told_from_results_beside_them(make, files, images, labels):
    folder = make(*files)
    assert list(images_in(folder).by_name()) == images
    assert list(labels_in(folder).by_name()) == labels


def test_two_files_of_one_name_are_refused(make):
    folder = make("w/a.tif", "w/a.ome.png")
    with pytest.raises(DataError, match=r"w/a.ome.png and w/a.tif share the stem 'w/a'"):
        find_images(folder, recursive=True)
    folder = make("z/caf\u00e9.tif", "z/cafe\u0301.tif") / "z"
    with pytest.raises(DataError, match="NFC and NFD"):
        find_images(folder)
