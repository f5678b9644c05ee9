"""Images of every format through the commands, OME-Zarr with label images, and plates."""

import csv

import numpy as np
import pytest
import tifffile
from PIL import Image
from zarr_images import add_labels, write_image, write_plate

from fcrbench import datasets
from fcrbench.io import read_labels, write_labels


@pytest.fixture(scope="module")
def field():
    """A crop of a real field as 8 bit, and its labels."""
    sample = next(datasets.create("sample").samples("val"))
    image = np.clip(sample.image[:80, :96] / 12, 0, 255).astype(np.uint8)
    return image, sample.labels[:80, :96].astype(np.uint16)


def tree(folder):
    """The label images below a folder; what is inside Zarr is left out."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.suffix in (".tif", ".zarr"))
    return sorted(str(path) for path in found)


def test_predict_reads_every_format(cli, field):
    image, _ = field
    folder = cli.folder / "in"
    (folder / "below").mkdir(parents=True)
    gray = Image.fromarray(image)
    gray.save(folder / "a.bmp")
    gray.save(folder / "b.JPG", quality=95)
    gray.save(folder / "c.webp", lossless=True)
    gray.save(folder / "d.jp2", irreversible=False)
    gray.save(folder / "e.j2k", no_jp2=True)
    tifffile.imwrite(folder / "f.btf", image, bigtiff=True)
    blue = np.zeros((*image.shape, 3), np.uint8)
    blue[..., 2] = image
    Image.fromarray(blue).save(folder / "below" / "g.jpeg", quality=75)
    (folder / "notes.txt").write_text("x")
    cli("predict", folder, "-o", "out")
    assert tree(cli.folder / "out") == sorted([*(f"{name}.tif" for name in "abcdef"), "below/g.tif"])
    labels = {name: read_labels(cli.folder / "out" / f"{name}.tif") for name in "abcdef"}
    for name in "cdef":
        np.testing.assert_array_equal(labels[name], labels["a"])
    assert labels["a"].max() > 2
    done = cli("score", "out", "out")
    assert "7 images" in done.stdout


def test_zarr_images_plates_and_folders_of_them(cli, field):
    image, _ = field
    folder = cli.folder / "in"
    folder.mkdir()
    tifffile.imwrite(folder / "t.tif", image)
    write_plate(folder / "plate.zarr", {"A/1/0": image, "B/2/0": image})
    size = {"unit": "micrometer", "scale": (1, 0.5, 0.25)}
    write_image(folder / "i.ome.zarr", np.stack([image, 0 * image]), "cyx", **size)
    cli("predict", folder, "-o", "out")
    out = cli.folder / "out"
    images = ["i.ome.zarr", "plate/A/1/0.zarr", "plate/B/2/0.zarr", "t.tif"]
    assert tree(out) == images
    for name in images:
        np.testing.assert_array_equal(read_labels(out / name), read_labels(out / "t.tif"))
    from fcrbench.io.large import open_stack

    assert open_stack(out / "i.ome.zarr").pixel_size == (0.5, 0.25)
    cli("predict", folder / "plate.zarr" / "B" / "2", "-o", "well")
    assert tree(cli.folder / "well") == ["2/0.zarr"]
    done = cli("predict", folder, "-o", "out", "--resume")
    assert tree(out) == images
    assert done.returncode == 0


def test_score_of_the_label_images_of_zarr(cli, field):
    image, labels = field
    path = write_image(cli.folder / "a.ome.zarr", image, "yx")
    add_labels(path, "nuclei", labels)
    write_image(cli.folder / "truth.zarr", labels, "yx")
    write_labels(cli.folder / "truth.tif", labels)
    for truth in ("truth.zarr", "truth.tif"):
        done = cli("score", truth, "a.ome.zarr/labels/nuclei", "-o", "s.csv")
        with (cli.folder / "s.csv").open(newline="") as file:
            (row,) = csv.DictReader(file)
        assert (row["image"], float(row["pq"])) == ("truth", 1.0)
        assert done.stderr == ""
    for pair in (("a.ome.zarr", "truth.zarr"), ("truth.tif", "a.ome.zarr")):
        line = cli.fails("score", *pair)
        assert "a.ome.zarr: an image, expected a label image" in line
        assert "a.ome.zarr/labels/nuclei" in line
    volume = np.stack([labels, labels])
    for name in ("v.zarr", "w.zarr"):
        write_image(cli.folder / name, volume, "zyx")
    assert "1.0000" in cli("score", "v.zarr", "w.zarr").stdout
    assert "shape" in cli.fails("score", "v.zarr", "truth.tif")


def test_export_and_data_sets_read_zarr(cli, field):
    image, labels = field
    for name in ("a", "b"):
        write_image(cli.folder / "images" / f"{name}.zarr", image, "yx")
        write_image(cli.folder / "masks" / f"{name}.zarr", labels, "yx", **{"image-label": {}})
    n = len(np.unique(labels)) - 1
    done = cli("export", "masks", "--to", "coco", "-o", "c.json")
    assert done.stdout.startswith(f"{2 * n} objects of 2 images")
    dataset = datasets.create("folder", cli.folder)
    sample = dataset.load("a")
    np.testing.assert_array_equal(sample.image, image)
    np.testing.assert_array_equal(sample.labels > 0, labels > 0)
    add_labels(cli.folder / "masks" / "a.zarr", "nuclei", labels)
    (cli.folder / "masks" / "a.zarr" / ".zattrs").write_text(
        (cli.folder / "images" / "a.zarr" / ".zattrs").read_text()
    )
    line = cli.fails("export", "masks", "--to", "coco", "-o", "d.json", "--strict")
    assert "labels/nuclei" in line


def test_a_channel_and_plane_of_zarr_by_name(cli, field):
    image, _ = field
    dark = np.zeros_like(image)
    stack = np.stack([np.stack([dark, 255 - image]), np.stack([image, dark])])
    write_image(cli.folder / "in" / "a", stack, "czyx", "0.5", channels=["Actin", "DAPI"])
    tifffile.imwrite(cli.folder / "in" / "t.tif", image)
    line = cli("predict", "in/a", "-o", "none", code=1).stderr
    assert "2 channels x 2 planes, expected one plane; choose it with --plane" in line
    line = cli("predict", "in/a", "-o", "none", "--plane", "1", "--channel", "GFP", code=1).stderr
    assert "2 channels (0 Actin, 1 DAPI), channel 'GFP' is not one of them" in line
    cli("predict", "in/a", "-o", "out", "--channel", "dapi", "--plane", "max")
    cli("predict", "in/t.tif", "-o", "out")
    found, expected = (read_labels(cli.folder / "out" / name) for name in ("a.zarr", "t.tif"))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.uint32])
def test_zarr_images_of_other_types_are_read_whole(cli, field, dtype):
    image, _ = field
    write_image(cli.folder / "a.zarr", image.astype(dtype), "yx")
    tifffile.imwrite(cli.folder / "b.tif", image)
    cli("predict", "a.zarr", "b.tif", "-o", "out")
    labels = read_labels(cli.folder / "out" / "a.zarr")
    np.testing.assert_array_equal(labels, read_labels(cli.folder / "out" / "b.tif"))
    assert labels.max() > 2
