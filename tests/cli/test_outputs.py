"""Outputs that are inputs, pipes, devices and links; what the counts say; partial failure."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile
from command_line import files

from fcrbench import datasets
from fcrbench.io import write_labels, write_png


@pytest.fixture
def fields(cli):
    """Three crops of real fields as TIFF in images/, and their labels in labels/."""
    sample = next(datasets.create("sample").samples("val"))
    (cli.folder / "images").mkdir()
    for i, name in enumerate("abc"):
        tifffile.imwrite(cli.folder / "images" / f"{name}.tif", sample.image[:64, : 64 + i])
        write_labels(cli.folder / "labels" / f"{name}.tif", sample.labels[:64, : 64 + i])
    return cli.folder


def link(kind, target, path):
    if kind == "hard":
        os.link(target, path)
    else:
        path.symlink_to(os.path.relpath(target, path.parent))


@pytest.mark.parametrize("options", [[], ["--overwrite"], ["--resume"]])
def test_predict_never_writes_its_images(cli, fields, options):
    before = files(fields)
    (fields / "same").symlink_to("images")
    for output in ("images", "same", "images/../images"):
        line = cli.fails("predict", "images", "-o", output, *options, code=2)
        assert "a.tif is an input of this command" in line
        assert "--overwrite" not in line
        line = cli.fails("predict", "images/b.tif", "-o", output, *options, code=2)
        assert "b.tif is an input of this command" in line
    for kind in ("hard", "soft"):
        (fields / kind).mkdir()
        link(kind, fields / "images" / "b.tif", fields / kind / "b.tif")
        line = cli.fails("predict", "images", "-o", kind, *options, code=2)
        assert f"the output {kind}/b.tif is an input of this command (images/b.tif)" in line
        (fields / kind / "b.tif").unlink()
        link(kind, fields / "images" / "a.tif", fields / kind / "failed.csv")
        assert "failed.csv is an input" in cli.fails("predict", "images", "-o", kind, *options, code=2)
        (fields / kind / "failed.csv").unlink()
        (fields / kind).rmdir()
    (fields / "same").unlink()
    assert files(fields) == before


def test_images_and_results_of_other_names_share_a_folder(cli, fields):
    for path in (fields / "images").iterdir():
        write_png(path.with_suffix(".png"), tifffile.imread(path))
        path.unlink()
    cli("predict", "images", "-o", "images")
    assert "0 images segmented into images, 3 were there already" in (
        cli("predict", "images", "-o", "images", "--resume").stdout
    )


def test_zarr_is_neither_replaced_nor_written_into(cli, fields):
    zarr = pytest.importorskip("zarr")
    array = np.zeros((40, 40), np.uint8)
    zarr.create_array(fields / "z" / "a.zarr", data=array, chunks=(32, 32))
    zarr.create_array(fields / "a.zarr" / "inner" / "a.zarr", data=array, chunks=(32, 32))
    before = files(fields)
    for arguments in (
        ["predict", "z/a.zarr", "-o", "z"],
        ["predict", "z/a.zarr", "-o", "z/a.zarr"],
        ["predict", "z", "-o", "z/a.zarr/new"],
        ["predict", "a.zarr/inner/a.zarr", "-o", "."],
        ["score", "z/a.zarr", "z/a.zarr", "-o", "z/a.zarr/s.csv"],
    ):
        line = cli.fails(*arguments, *["--overwrite"] * (arguments[0] == "predict"), code=2)
        assert "input" in line
    assert files(fields) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["score", "labels", "pred", "-o", "labels/a.tif"],
        ["score", "labels", "pred", "-o", "pred/b.png"],
        ["score", "labels", "pred", "-o", "link.csv"],
        ["score", "labels", "pred", "-o", "s.csv"],  # its journal, s.csv.part, is a link to a label image
        ["score", "labels/a.tif", "pred/a.tif", "-o", "link.csv", "--resume"],
        ["export", "labels", "--to", "table", "-o", "link.csv"],
        ["export", "labels", "--to", "coco", "-o", "link.json"],
        ["export", "labels", "--to", "geojson", "-o", "geo"],
        ["export", "labels", "--images", "images", "--to", "table", "-o", "image.csv"],
        ["predict", "images", "-o", "out", "--log", "link.log"],
        ["robustness", "--dataset", "folder", "--root", "data", "-o", "robust"],
    ],
)
def test_no_command_writes_an_input(cli, fields, arguments):
    (fields / "pred").mkdir()
    for name in "ac":
        os.link(fields / "labels" / f"{name}.tif", fields / "pred" / f"{name}.tif")
    write_png(fields / "pred" / "b.png", np.zeros((64, 65), np.uint8))
    for name in ("link.csv", "link.json", "s.csv.part", "link.log", "geo/b.geojson"):
        (fields / name).parent.mkdir(exist_ok=True)
        link("soft", fields / "labels" / "a.tif", fields / name)
    link("soft", fields / "images" / "c.tif", fields / "image.csv")
    (fields / "data").mkdir()
    for name in ("images", "labels"):
        link("soft", fields / name, fields / "data" / name.replace("labels", "masks"))
    (fields / "robust").mkdir()
    link("hard", fields / "images" / "a.tif", fields / "robust" / "images.csv")
    if "link.log" in arguments:
        (fields / "link.log").unlink()
        link("hard", fields / "images" / "a.tif", fields / "link.log")
    before = files(fields)
    line = cli.fails(*arguments, code=2)
    assert "input of this command" in line or "name of an image" in line or "but this is none" in line
    assert files(fields) == before


def test_a_run_directory_is_no_place_for_results(cli, trained, fields):
    before = files(trained)
    for arguments in (
        ["predict", "images", "-o", trained],
        ["robustness", "--images", "1", "-o", trained],
        ["compare", trained, "-o", trained],
        ["table", "--methods", "fcrnet", "-o", trained],
        ["export", "labels", "--to", "geojson", "-o", trained],
    ):
        line = cli.fails(*arguments, code=2)
        assert "run directory" in line or "is the input" in line
    assert files(trained) == before


def test_a_pipe_is_written_through(cli, fields):
    os.mkfifo(fields / "pipe")
    found = []
    reader = threading.Thread(target=lambda: found.append((fields / "pipe").read_text()))
    reader.start()
    cli("score", "labels", "labels", "-o", "pipe")
    reader.join()
    cli("score", "labels", "labels", "-o", "s.csv")
    assert found == [(fields / "s.csv").read_text()]
    assert (fields / "pipe").is_fifo()
    assert not list(fields.glob("pipe.*"))
    line = cli.fails("score", "labels", "labels", "-o", "pipe", "--resume", code=2)
    assert "--resume needs a file" in line


def test_descriptors_and_devices_are_written_through(cli, fields):
    cli("score", "labels", "labels", "-o", "s.csv")
    expected = (fields / "s.csv").read_text()
    assert cli("score", "labels", "labels", "-o", "/dev/stdout", "--quiet").stdout == expected
    cli("score", "labels", "labels", "-o", "/dev/null")
    assert not Path("/dev/null").is_file()
    command = f"{sys.executable} -m fcrbench score labels labels -o >(cat > through.csv)"
    subprocess.run(["bash", "-c", f"{command}; wait"], cwd=fields, env=cli.environment, check=True)
    for _ in range(100):  # bash does not wait for the other process
        if (fields / "through.csv").read_text() == expected:
            break
        threading.Event().wait(0.05)
    assert (fields / "through.csv").read_text() == expected


def test_links_stay_and_their_targets_are_replaced(cli, fields):
    store = fields / "store"
    store.mkdir()
    (store / "s.csv").write_text("old")
    (store / "s.csv").chmod(0o640)
    for name in ("s.csv", "new.csv"):
        (fields / name).symlink_to(f"store/{name}")
        cli("score", "labels", "labels", "-o", name)
        assert (fields / name).is_symlink()
        assert len((store / name).read_text().splitlines()) == 4
    assert (store / "s.csv").stat().st_mode & 0o777 == 0o640
    (fields / "loop.csv").symlink_to("loop.csv")
    assert "Too many levels" in cli.fails("score", "labels", "labels", "-o", "loop.csv")
    assert "s.csv" not in "".join(path.name for path in fields.glob("*.part"))


def test_the_exit_code_and_counts_of_a_partial_failure(cli, fields):
    (fields / "images" / "b.tif").write_bytes(b"II*\0")
    line = cli.fails("predict", "images", "-o", "out", code=3)
    assert "1 of 3 images could not be segmented" in line
    line = cli.fails("predict", "images", "-o", "out", "--resume", code=3)
    assert "1 of 3" in line
    cli.fails("predict", "images/b.tif", "-o", "none", code=1)
    (fields / "images" / "b.tif").unlink()
    done = cli("predict", "images", "-o", "out", "--resume")
    assert done.stdout == "0 images segmented into out, 2 were there already\n"
    (fields / "labels" / "b.tif").write_bytes(b"II*\0")
    cli.fails("score", "labels", "labels", code=3)
    cli.fails("export", "labels", "--to", "coco", "-o", "x.json", code=3)
    cli.fails("export", "labels/b.tif", "--to", "coco", "-o", "x.json", code=1)


def test_every_exit_code_is_documented(cli):
    words = cli("--help").stdout
    assert "3 some images done and others failed" in " ".join(words.split())
