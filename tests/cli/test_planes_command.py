"""--channel, --plane and --pixel-size through the command line, and what travels with weights and labels."""

import json

import numpy as np
import pandas as pd
import pytest
import tifffile
from command_line import TINY, only
from drawn_fields import blocks

from fcrbench.io import read_labels
from fcrbench.io.choice import Choice
from fcrbench.weights import read_header, resolve

NAMES = {"Channel": {"Name": ["DAPI", "GFP"]}}
RUN = TINY[TINY.index("training.crop=32") - 1 :]


@pytest.fixture
def stacks(cli):
    """Four fields as plain images, as channel 0 of two, and as the first of three planes; their masks."""
    noise = np.random.default_rng(0)
    for field in blocks():
        other = noise.integers(0, 60000, field.image.shape).astype(np.uint16)
        for kind, pixels, axes in (
            ("plain", field.image, "YX"),
            ("channels", np.stack([field.image, other]), "CYX"),
            ("planes", np.stack([field.image, field.image // 2, field.image // 3]), "ZYX"),
        ):
            path = cli.folder / kind / "images" / f"{field.id}.ome.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            metadata = {"axes": axes, "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25}
            metadata |= NAMES if kind == "channels" else {}
            tifffile.imwrite(path, pixels, ome=True, photometric="minisblack", metadata=metadata)
            mask = cli.folder / kind / "masks" / f"{field.id}.tif"
            mask.parent.mkdir(exist_ok=True)
            tifffile.imwrite(mask, field.labels.astype(np.uint16), metadata=None)
    return cli.folder


def ome_of_channels(path, names):
    metadata = {"axes": "CYX", "Channel": {"Name": names}}
    tifffile.imwrite(path, np.arange(800, dtype=np.uint16).reshape(2, 20, 20), ome=True, metadata=metadata)
    return path


def labels_in(folder):
    return {path.name: read_labels(path) for path in sorted(folder.glob("*.ome.tif"))}


def test_a_channel_or_plane_is_predicted_as_its_plain_image(cli, stacks, trained):
    for given, out in (
        (["plain/images"], "plain"),
        (["channels/images", "--channel", "DAPI"], "named"),
        (["channels/images", "--channel", "0"], "indexed"),
        (["planes/images", "--plane", "0"], "first"),
        (["planes/images", "--plane", "max"], "max"),
    ):
        cli("predict", *given, "--weights", trained, "-o", f"out/{out}", "--no-overlay")
    wanted = labels_in(stacks / "out" / "plain")
    assert len(wanted) == 4
    for out in ("named", "indexed", "first", "max"):
        for name, labels in labels_in(stacks / "out" / out).items():
            np.testing.assert_array_equal(labels, wanted[name])
    with tifffile.TiffFile(stacks / "out" / "named" / "field0.ome.tif") as file:
        assert file.is_ome
        assert 'PhysicalSizeX="0.5"' in file.ome_metadata


def test_without_a_choice_the_channels_are_listed(cli, stacks, trained):
    line = cli.fails("predict", "channels/images", "--weights", trained, "-o", "out")
    assert "2 channels (0 DAPI, 1 GFP), expected one; choose it with --channel" in line
    line = cli.fails("predict", "planes/images", "--weights", trained, "-o", "out")
    assert "3 planes, expected one plane; choose it with --plane" in line
    line = cli.fails("predict", "planes/images", "--plane", "best", "-o", "out", code=2)
    assert "plane 'best': expected an index from 0, max or mean or sharpest" in line


def test_weights_remember_the_channel_and_predictions_repeat_it(cli, stacks, trained):
    choose = ("--dataset", "folder", "--root", "channels", "--channel", "DAPI")
    cli("run", *RUN, *choose, "--epochs", 1)
    run = only(stacks / "runs")
    assert 'channel = "DAPI"' in (run / "config.toml").read_text()
    manifest = json.loads((run / "manifest.json").read_text())["dataset"]
    assert (manifest["channel"], manifest["plane"]) == ("DAPI", None)
    for name in ("last", "best"):
        path = resolve(run / "weights" / f"{name}.safetensors")
        assert read_header(path).choice == Choice("DAPI", remembered=True)
    cli("predict", "channels/images", "--weights", run, "-o", "repeated", "--no-overlay")
    cli("predict", "plain/images", "--weights", run, "-o", "plain-out", "--no-overlay")
    repeated, plain = labels_in(stacks / "repeated"), labels_in(stacks / "plain-out")
    assert len(repeated) == 4
    for name, labels in repeated.items():
        np.testing.assert_array_equal(labels, plain[name])
    line = cli.fails("predict", "channels/images", "--weights", run, "--channel", "Cy5", "-o", "x")
    assert "0 DAPI, 1 GFP" in line
    assert "the weights" not in line
    other = ome_of_channels(stacks / "other.ome.tif", ["Cy3", "Cy5"])
    line = cli.fails("predict", other, "--weights", run, "-o", "x")
    assert "channel 'DAPI' is not one of them; the weights were trained on channel DAPI" in line
    # Scoring and further training read the same channel, and pass it on.
    common = ("--dataset", "folder", "--root", "channels")
    cli("run", "--weights", run, *common, "--device", "cpu", "--output", "scored")
    assert read_header(resolve(only(stacks / "scored"))).choice.channel == "DAPI"
    cli("robustness", run, *common, "--device", "cpu", "--corruptions", "bits", "--images", "1", "-o", "r")


def test_a_data_set_without_channels_says_so(cli):
    line = cli.fails("run", *TINY, "--channel", "DAPI", code=2)
    assert "unknown option of data set synthetic 'channel'" in line


def test_pixel_size_travels_into_labels_and_tables(cli, stacks, trained):
    cli("predict", "plain/images", "--weights", trained, "-o", "out", "--no-overlay")
    cli("export", "out", "--to", "table", "-o", "file.csv")
    cli("export", "plain/masks", "--to", "table", "--pixel-size", "2", "-o", "given.csv")
    cli("export", "plain/masks", "--to", "table", "-o", "none.csv")
    cli("export", "plain/masks", "--to", "table", "--images", "plain/images", "-o", "images.csv")
    of_file, given, none, of_images = (
        pd.read_csv(stacks / f"{name}.csv") for name in ("file", "given", "none", "images")
    )
    np.testing.assert_allclose(of_file["area_um2"], of_file["area"] * 0.125)
    np.testing.assert_allclose(given["area_um2"], given["area"] * 4)
    np.testing.assert_allclose(of_images["area_um2"], of_images["area"] * 0.125)
    assert "area_um2" not in none
    cli("export", "plain/masks", "--to", "geojson", "--pixel-size", "2", "-o", "geo")
    (first, *_) = json.loads((stacks / "geo" / "field0.geojson").read_text())["features"]
    assert first["properties"]["measurements"] == {"area": 63.0, "area_um2": 252.0}
    assert "expected a positive number" in cli.fails(
        "export", "out", "--to", "table", "--pixel-size", "0", "-o", "x.csv", code=2
    )
    assert "--pixel-size" in cli.fails(
        "export", "out", "--to", "coco", "--pixel-size", "1", "-o", "x.json", code=2
    )
    assert "--images" in cli.fails("export", "out", "--to", "table", "--channel", "1", "-o", "x.csv", code=2)


def test_intensities_of_a_chosen_channel(cli, stacks):
    arguments = ("export", "channels/masks", "--to", "table", "--images", "channels/images")
    assert "2 channels" in cli.fails(*arguments, "-o", "x.csv")
    cli(*arguments, "--channel", "GFP", "-o", "x.csv")
    table = pd.read_csv(stacks / "x.csv")
    image = tifffile.imread(stacks / "channels" / "images" / "field0.ome.tif")[1]
    mask = tifffile.imread(stacks / "channels" / "masks" / "field0.tif")
    assert table["intensity_mean"][0] == pytest.approx(image[mask == 1].mean())


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_turned_image_gives_labels_turned_alike(cli, stacks, trained, orientation):
    (first, *_) = blocks()
    plain, turned = stacks / "p.tif", stacks / "t.tif"
    upright = first.image if orientation == 3 else first.image[:40]
    tifffile.imwrite(plain, upright)
    stored = upright[::-1, ::-1] if orientation == 3 else np.rot90(upright)
    tifffile.imwrite(turned, stored, extratags=[(274, "H", 1, orientation, True)], metadata=None)
    cli("predict", plain, turned, "--weights", trained, "-o", "out")
    labels = read_labels(stacks / "out" / "p.tif")
    np.testing.assert_array_equal(read_labels(stacks / "out" / "t.tif"), labels)
    raw = tifffile.imread(stacks / "out" / "t.tif")
    assert raw.shape == stored.shape
    np.testing.assert_array_equal(raw, labels[::-1, ::-1] if orientation == 3 else np.rot90(labels))
