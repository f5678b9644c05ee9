"""`fcrbench export`: label images in, files of other programs out."""

import json

import numpy as np
import pandas as pd
import pytest
from command_line import files

from fcrbench.cli import main
from fcrbench.export import coco, feature_collection, measure
from fcrbench.io import write_labels, write_png


@pytest.fixture
def folder(cli):
    """As `predict` leaves it: two label images, one without objects, and overlays; beside it the images."""
    labels = np.zeros((20, 30), np.int32)
    labels[2:8, 2:8] = 3
    labels[4:6, 4:6] = 0
    labels[12:18, 20:28] = 70_000
    out = cli.folder / "out"
    for stem, array in {"a": labels, "b": 0 * labels}.items():
        write_labels(out / f"{stem}.tif", array)
        write_png(out / f"{stem}_overlay.png", np.zeros((20, 30, 3), np.uint8))
        write_png(cli.folder / "images" / f"{stem}.png", np.arange(600, dtype=np.uint16).reshape(20, 30))
    return labels, np.arange(600).reshape(20, 30)


def test_geojson(cli, folder):
    labels, image = folder
    done = cli("export", "out", "--to", "geojson", "--images", "images", "-o", "geojson")
    assert done.stdout == "2 objects of 2 images in geojson\n"
    assert {path.name for path in (cli.folder / "geojson").iterdir()} == {"a.geojson", "b.geojson"}
    found = json.loads((cli.folder / "geojson" / "a.geojson").read_text())
    expected = feature_collection(labels, "a")
    for feature, plain in zip(found["features"], expected["features"], strict=True):
        values = image[labels == int(feature["properties"]["name"])]
        assert feature["properties"].pop("measurements") == {
            "area": values.size,
            "intensity_mean": pytest.approx(values.mean()),
            "intensity_min": values.min(),
            "intensity_max": values.max(),
        }
        assert feature == plain
    assert [len(f["geometry"]["coordinates"]) for f in found["features"]] == [2, 1]  # one has a hole
    assert len({f["id"] for f in found["features"]}) == 2
    assert found["features"][0]["geometry"]["coordinates"][0][0] == [8, 2]
    first = files(cli.folder / "geojson")
    cli("export", "out/a.tif", "out/b.tif", "--to", "geojson", "--images", "images", "-o", "geojson")
    assert files(cli.folder / "geojson") == first


@pytest.mark.parametrize("masks", ["rle", "polygons"])
def test_coco(cli, folder, masks):
    labels, _ = folder
    cli("export", "out", "--to", "coco", "--masks", masks, "-o", "coco.json")
    found = json.loads((cli.folder / "coco.json").read_text())
    assert found == coco([("a.tif", labels), ("b.tif", 0 * labels)], masks)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_table(cli, folder, suffix):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    labels, image = folder
    cli("export", "out", "--to", "table", "--images", "images", "-o", f"cells.{suffix}")
    path = cli.folder / f"cells.{suffix}"
    found = pd.read_csv(path) if suffix == "csv" else pd.read_parquet(path)
    expected = measure(labels, image)
    assert found.pop("image").tolist() == ["a", "a"]
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["out", "--to", "coco", "-o", "x"], 2, ["--to coco", ".json"]),
        (["out", "--to", "table", "-o", "x.xlsx"], 2, [".csv or .parquet"]),
        (["out", "--to", "geojson", "-o", "out/a.tif"], 2, ["folder", "out/a.tif"]),
        (["out", "--to", "png", "-o", "x"], 2, ["png"]),
        (["hollow", "--to", "coco", "-o", "x.json"], 1, ["no label image in hollow"]),
        (["out", "out/a.tif", "--to", "coco", "-o", "x.json"], 1, ["have the same name a"]),
        (
            ["images", "--to", "table", "--images", "hollow", "-o", "x.csv"],
            1,
            ["hollow has no image for a.png"],
        ),
    ],
)
def test_wrong_usage_is_refused_and_nothing_is_left(cli, folder, arguments, code, words, monkeypatch, capsys):
    monkeypatch.chdir(cli.folder)
    (cli.folder / "hollow").mkdir()
    write_labels(cli.folder / "other" / "a.tif", np.eye(2, dtype=int))
    before = files(cli.folder)
    assert main(["export", *arguments]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fcrbench: error: ")
    for word in words:
        assert word in line
    assert files(cli.folder) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.tif", "--to", "coco", "-o", "x.json"], ["nowhere.tif", "no such file"]),
        (["picture.png", "--to", "table", "-o", "x.csv"], ["picture.png", "3 channels"]),
        (["other", "--to", "table", "--images", "images", "-o", "x.csv"], ["(20, 30)", "(2, 2)"]),
    ],
)
def test_of_one_bad_image_no_file_is_made(cli, folder, arguments, words, monkeypatch, capsys):
    monkeypatch.chdir(cli.folder)
    write_labels(cli.folder / "other" / "a.tif", np.eye(2, dtype=int))
    write_png(cli.folder / "picture.png", np.arange(1800, dtype=np.uint8).reshape(20, 30, 3))
    before = files(cli.folder)
    assert main(["export", *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fcrbench: error: 1 of 1 images could not be exported: ")
    after = files(cli.folder)
    listed = after.pop("x.failed.csv").decode()
    for word in words:
        assert word in line
        assert word in listed
    assert after == before
    assert main(["export", *arguments, "--strict"]) == 1
