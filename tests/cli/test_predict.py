"""`fcrbench predict`: images of any kind in, label images and overlays out."""

import resource

import imagecodecs
import numpy as np
import pytest
import tifffile
from command_line import files

from fcrbench.io import write_png


@pytest.fixture
def images(cli):
    """A folder with an odd size, 8 and 16 bit, PNG and TIFF, gray stored as RGB."""
    folder = cli.folder / "images"
    rng = np.random.default_rng(0)
    gray = rng.integers(0, 255, (37, 50)).astype(np.uint8)
    write_png(folder / "a.png", gray)
    write_png(folder / "b.png", np.stack([gray] * 3, axis=-1))
    tifffile.imwrite(folder / "c.tif", gray.astype(np.uint16) * 16)
    write_png(folder / "d.png", rng.integers(0, 9, (5, 3)).astype(np.uint8))
    return folder


def test_every_image_gets_labels_of_its_size_and_an_overlay(cli, images, trained):
    done = cli("predict", images, "--weights", trained, "-o", "out")
    out = cli.folder / "out"
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [f"{stem}.tif" for stem in "abcd"] + [f"{stem}_overlay.png" for stem in "abcd"]
    )
    for stem, shape in {"a": (37, 50), "b": (37, 50), "c": (37, 50), "d": (5, 3)}.items():
        labels = tifffile.imread(out / f"{stem}.tif")
        assert labels.shape == shape
        assert labels.dtype == np.uint16
        assert set(np.unique(labels)) - {0} == set(range(1, labels.max() + 1))
        overlay = imagecodecs.png_decode((out / f"{stem}_overlay.png").read_bytes())
        assert overlay.shape == (*shape, 3)
    assert "4 images" in done.stdout
    # gray stored as RGB, or at another gain, is the same picture
    a, b, c = (tifffile.imread(out / f"{stem}.tif") for stem in "abc")
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(a, c)


def test_a_weights_file_and_single_images_serve_as_well(cli, images, trained):
    weights = trained / "weights" / "best.safetensors"
    cli("predict", images / "a.png", images / "c.tif", "--weights", weights, "-o", "out")
    assert len(list((cli.folder / "out").iterdir())) == 4


def test_earlier_results_are_kept_unless_told_otherwise(cli, images, trained):
    cli("predict", images / "a.png", "--weights", trained, "-o", "out")
    before = files(cli.folder / "out")
    line = cli.fails("predict", images, "--weights", trained, "-o", "out", code=2)
    assert "out/a.tif exists" in line
    assert "--overwrite" in line
    assert files(cli.folder / "out") == before
    cli("predict", images, "--weights", trained, "-o", "out", "--overwrite")


def test_bad_images_are_named_and_the_others_are_done(cli, images, trained):
    (images / "truncated.png").write_bytes((images / "a.png").read_bytes()[:300])
    (images / "empty.tif").write_bytes(b"")
    write_png(images / "colour.png", np.arange(1200, dtype=np.uint16).reshape(20, 20, 3).astype(np.uint8))
    line = cli.fails("predict", images, "--weights", trained, "-o", "out", code=3)
    assert "3 of 7 images" in line
    for name in ("truncated.png", "empty.tif", "colour.png"):
        assert name in line
    names = {path.name for path in (cli.folder / "out").iterdir()} - {"failed.csv"}
    assert {name[0] for name in names} == set("abcd")
    failed = (cli.folder / "out" / "failed.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in failed] == ["image", "colour", "empty", "truncated"]
    line = cli.fails("predict", images, "--weights", trained, "-o", "strict", "--strict")
    assert "colour.png" in line
    assert "empty.tif" not in line
    for name in ("truncated.png", "empty.tif", "colour.png"):
        (images / name).unlink()
    cli("predict", images, "--weights", trained, "-o", "out", "--resume")
    assert not (cli.folder / "out" / "failed.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.png"], ["nowhere.png"]),
        (["hollow"], ["no image in hollow", ".tif"]),
        (["images", "images/a.png"], ["a.png", "same output name"]),
    ],
)
def test_missing_images_are_refused(cli, images, trained, arguments, words):
    (cli.folder / "hollow").mkdir()
    line = cli.fails("predict", *arguments, "--weights", trained, "-o", "out")
    for word in words:
        assert word in line
    assert not (cli.folder / "out").exists()


@pytest.mark.parametrize(
    "found", ["nothing", "an unfinished run", "garbage", "other weights", "truncated", "unknown"]
)
def test_bad_weights_are_refused(cli, images, trained, found):
    weights = cli.folder / "w.safetensors"
    good = (trained / "weights" / "last.safetensors").read_bytes()
    word = "w.safetensors"
    if found == "an unfinished run":
        weights.mkdir()
        word = "not a finished run"
    elif found == "garbage":
        weights.write_bytes(b"nothing of the kind" * 9)
    elif found == "other weights":
        from safetensors.numpy import save_file

        save_file({"x": np.zeros(3)}, weights)
        word = "no fcrbench weights"
    elif found == "unknown":
        from safetensors.numpy import save_file

        header = {"format": "fcrbench", "method": "fcrnut", "options": "{}"}
        save_file({"x": np.zeros(3)}, weights, metadata=header)
        word = "w.safetensors cannot be used here: unknown method 'fcrnut'; did you mean 'fcrnet'?"
    elif found == "truncated":
        weights.write_bytes(good[: len(good) // 2])
    line = cli.fails("predict", images, "--weights", weights, "-o", "out")
    assert word in line
    assert not (cli.folder / "out").exists()


def test_a_full_disk_leaves_no_half_written_file(cli, images, trained):
    """The largest file that may be written stands in for the disk: the kernel refuses the rest."""
    rng = np.random.default_rng(1)
    write_png(images / "e.png", rng.integers(0, 255, (300, 300)).astype(np.uint8))

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    line = cli.fails("predict", images, "--weights", trained, "-o", "out", code=3, preexec_fn=limit)
    assert "cannot write out/e_overlay.png" in line
    names = {path.name for path in (cli.folder / "out").iterdir()}
    assert "e_overlay.png" not in names
    assert not [name for name in names if name.startswith(".")]
    assert {"a.tif", "b.tif", "c.tif", "d.tif"} <= names  # what was done before stays


def test_tiles_change_no_label(cli, images, trained):
    cli("predict", images / "a.png", "--weights", trained, "-o", "whole", "--tile", 0)
    cli("predict", images / "a.png", "--weights", trained, "-o", "tiled", "--tile", 16)
    assert files(cli.folder / "whole") == files(cli.folder / "tiled")
    assert "--tile -1" in cli.fails("predict", images, "--weights", trained, "-o", "x", "--tile", -1, code=2)
