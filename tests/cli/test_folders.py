"""Folders as people have them: with wells, files in other formats, and what other programs left in them."""

import csv
import json
import shutil

import imagecodecs
import numpy as np
import pytest
import tifffile
from command_line import files
from drawn_fields import three_discs

from fcrbench.io import write_labels, write_png


@pytest.fixture(scope="module")
def field():
    return three_discs()


@pytest.fixture
def put(cli, field):
    """Call it with paths of images, or of label images if `labels`, to write them."""

    def write(*names, labels=False):
        for name in names:
            path = cli.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".npy":
                np.save(path, {"masks": field[1], "flows": [field[0]], "filename": "f.tif"})
            elif path.suffix == ".png":
                write_png(path, field[labels])
            else:
                tifffile.imwrite(path, field[labels])

    return write


def test_a_folder_of_many_kinds(cli, put, field):
    """Case 19: nothing is left out without a word, and the tree is kept in the output."""
    put("in/a.tif", "in/d.btf", "in/e.TF8", "in/g.lsm.tif", "in/well_B02/f.tif", "in/h.LSM")
    picture = np.clip(field[0] >> 4, 0, 255).astype(np.uint8)
    (cli.folder / "in" / "b.jpg").write_bytes(imagecodecs.jpeg8_encode(picture, level=98))
    (cli.folder / "in" / "c.bmp").write_bytes(imagecodecs.bmp_encode(picture))
    for name in ("s.ndpi", "well_B02/t.ndpi", "u.svs", ".hidden.jpg", "notes.txt"):
        (cli.folder / "in" / name).write_bytes(b"x")
    done = cli("predict", "in", "-o", "out")
    (line,) = done.stderr.splitlines()
    assert line.startswith("in: left out 2 .ndpi (s.ndpi, ...), 1 .svs (u.svs)")
    assert "well_B02/f.tif: 3 instances" in done.stdout
    names = ["a", "b", "c", "d", "e", "g.lsm", "h", "well_B02/f"]
    assert set(files(cli.folder / "out")) == {f"{n}{e}" for n in names for e in (".tif", "_overlay.png")}
    put(*(f"truth/{name}.tif" for name in names), labels=True)
    cli("score", "truth", "out", "-o", "scores.csv")
    assert [row["image"] for row in csv.DictReader((cli.folder / "scores.csv").open())] == names
    cli("export", "out", "--to", "geojson", "--images", "in", "-o", "geojson")
    assert set(files(cli.folder / "geojson")) == {f"{name}.geojson" for name in names}
    cli("export", "out", "--to", "coco", "--images", "in", "-o", "coco.json")
    found = json.loads((cli.folder / "coco.json").read_text())["images"]
    assert {image["file_name"] for image in found} >= {"well_B02/f.tif", "d.btf", "e.TF8", "h.LSM"}
    before = files(cli.folder / "out")
    assert cli("predict", "in", "-o", "out", "--resume").stdout.count("instances") == 0
    assert files(cli.folder / "out") == before


def test_equal_names_of_two_sources_are_refused(cli, put):
    put("A/f.tif", "B/f.tif")
    line = cli.fails("predict", "A", "B", "-o", "out")
    assert "B/f.tif and A/f.tif" in line
    cli("predict", ".", "-o", "out")
    assert {"A/f.tif", "B/f.tif"} <= set(files(cli.folder / "out"))


def test_results_below_the_images_are_not_segmented(cli, put):
    put("in/f.tif", "in/well/g.png")
    cli("predict", "in", "-o", "in/out")
    done = cli("predict", "in", "-o", "again")
    assert done.stderr == "in: left out 2 label images that fcrbench wrote (out/f.tif, ...)\n"
    assert {name for name in files(cli.folder / "again") if name.endswith("tif")} == {"f.tif", "well/g.tif"}
    error = cli("predict", "in/out", "-o", "none", code=1).stderr
    assert "left out 2 label images that fcrbench wrote" in error
    assert "no image in in/out" in error


CELLPOSE = ["f_cp_masks.png", "f_flows.tif", "f_outlines_cp_masks.png", "f_seg.npy"]


def test_a_folder_of_cellpose(cli, put):
    put("cp/f.tif", "cp/g.tif")
    for name in (*CELLPOSE, *(name.replace("f", "g", 1) for name in CELLPOSE)):
        put(f"cp/{name}", labels=True)
    done = cli("predict", "cp", "-o", "out")
    assert sorted(files(cli.folder / "out")) == ["f.tif", "f_overlay.png", "g.tif", "g_overlay.png"]
    assert "4 other results of Cellpose" in done.stderr
    assert "2 label images with the image beside (f_cp_masks.png, ...)" in done.stderr
    put("truth/f.tif", "truth/g.tif", labels=True)
    done = cli("score", "truth", "cp", "-o", "s.csv")
    assert "2 images with the labels beside (f.tif, ...)" in done.stderr
    assert done.stderr.endswith("cp: paired by the suffix _cp_masks\n")
    rows = list(csv.DictReader((cli.folder / "s.csv").open()))
    assert [(row["image"], float(row["pq"])) for row in rows] == [("f", 1), ("g", 1)]
    cli("export", "cp", "--to", "table", "--images", "cp", "-o", "t.csv")
    assert "f_cp_masks,1," in (cli.folder / "t.csv").read_text()
    for path in (cli.folder / "cp").glob("*_cp_masks.png"):
        path.unlink()
    done = cli("score", "truth", "cp")
    assert "paired by the suffix _seg" in done.stderr
    assert "PQ          1.0000" in done.stdout


def test_training_data_of_cellpose(cli, put):
    put("train/0_img.png", "train/1_img.png", "val/2_img.png")
    put("train/0_masks.png", "train/1_masks.png", "val/2_masks.png", labels=True)
    done = cli("finetune", ".", "--epochs", 1, "--set", "training.crop=32", "--set", "training.batch_size=2")
    assert "2 fields to train on, 1 to validate" in done.stdout
    assert "paired by the suffixes _img and _masks" in done.stderr
    cli("predict", "train", "-o", "out")
    assert "paired by the suffixes _masks and _img" in cli("score", "train", "out").stderr


def test_subfolders_of_a_data_set(cli, put):
    put("d/images/w1/f.tif", "d/images/w2/f.tif", "d/images/g.tif")
    put("d/masks/w1/f.tif", "d/masks/w2/f.tif", "d/masks/g.tif", labels=True)
    options = ["--dataset", "folder", "--root", "d", "--set", "dataset.options.val_fraction=1"]
    cli("run", "--weights", "default", *options, "--output", "runs")
    (run,) = (cli.folder / "runs").iterdir()
    assert set(files(run / "predictions")) == {"g.tif", "w1__f.tif", "w2__f.tif"}
    put("d/images/w1__f.tif")
    put("d/masks/w1__f.tif", labels=True)
    line = cli.fails("run", "--weights", "default", *options, "--output", "runs")
    assert "both would be the field w1__f" in line


def test_the_suffix_of_the_user(cli, put):
    put("truth/f0.tif", "truth/f1.tif", "out/f0_result.tif", "out/f1_result.png", labels=True)
    line = cli.fails("score", "truth", "out")
    assert "out has f0_result.tif, f1_result.png; truth has f0.tif, f1.tif: give --suffix _result" in line
    assert "2 images" in cli("score", "truth", "out", "--suffix", "_result", "-o", "s.csv").stdout
    shutil.copytree(cli.folder / "truth", cli.folder / "out", dirs_exist_ok=True)
    assert "2 images" in cli("score", "out", "out", "--suffix", "_result").stdout
    line = cli.fails("score", "truth", "out", "--suffix", "_pred")
    assert "_pred added" in line


def test_a_mixture_of_suffixes_is_refused(cli, put):
    put("truth/f0.tif", "out/f0_labels.tif", "out/f0.stardist.tif", labels=True)
    line = cli.fails("score", "truth", "out")
    for word in ("f0_labels.tif", "f0.stardist.tif", "--suffix"):
        assert word in line


def test_the_truth_is_not_searched_for_predictions(cli, put):
    """The folder of the predictions often lies in that of the truth, or the other way round."""
    put("data/f.tif", "data/pred/f.tif", labels=True)
    assert "1 images" in cli("score", "data", "data/pred").stdout
    assert "1 images" in cli("score", "data/pred", "data").stdout


def test_zarr_among_label_images(cli, field):
    zarr = pytest.importorskip("zarr")
    image, labels = field
    write_labels(cli.folder / "truth" / "f.tif", labels)
    zarr.save(str(cli.folder / "truth" / "w" / "plate"), labels)
    zarr.save(str(cli.folder / "in" / "w" / "plate"), image)
    tifffile.imwrite(cli.folder / "in" / "f.ome.tif", image)
    cli("predict", "in", "-o", "out")
    assert (cli.folder / "out" / "w" / "plate.zarr").is_dir()
    assert (cli.folder / "out" / "f.ome.tif").is_file()
    assert "2 images" in cli("score", "truth", "out").stdout
    done = cli("export", "out", "--to", "table", "-o", "t.csv")
    assert "6 objects of 2 images" in done.stdout
    assert "2 label images that fcrbench wrote" in cli("predict", "out", "-o", "none", code=1).stderr
