"""Images segmented one by one, by threads, by dask workers, by tiles, interrupted: always the same labels."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile

from fcrbench import datasets
from fcrbench.errors import DataError, UsageError
from fcrbench.io import read_labels, write_labels, write_png
from fcrbench.jobs.predict import predict_images

ALL = (slice(None), slice(None))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Four crops of real fields, and two files that are no images."""
    folder = tmp_path_factory.mktemp("predicting") / "images"
    dataset = datasets.create("sample")
    for name, key in zip("abcd", dataset.splits["val"], strict=False):
        write_png(folder / f"{name}.png", dataset.load(key).image[:150, :170])
    (folder / "bad.png").write_bytes(b"no")
    (folder / "zero.tif").touch()
    return folder


def labels_in(folder):
    return {
        path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in (".tif", ".png")
    }


@pytest.fixture(scope="module")
def serial(images, tmp_path_factory):
    out = tmp_path_factory.mktemp("serial")
    with pytest.raises(DataError, match=r"2 of 6 images could not be segmented: .*bad.png"):
        predict_images([images], "default", out, device="cpu")
    found = labels_in(out)
    assert list(found) == [f"{name}{end}" for name in "abcd" for end in (".tif", "_overlay.png")]
    assert read_labels(out / "a.tif").max() > 3
    return found


def test_threads(images, serial, tmp_path):
    seen = []
    with pytest.raises(DataError, match="2 of 6"):
        predict_images(
            [images], "default", tmp_path, device="cpu", workers=3, progress=lambda name, n: seen.append(name)
        )
    assert labels_in(tmp_path) == serial
    assert seen == [f"{name}.png" for name in "abcd"]


def test_dask_workers(images, serial, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.chdir(images.parent)
    relative = images.relative_to(images.parent)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        with pytest.raises(DataError, match="2 of 6"):
            predict_images([relative], "default", tmp_path, device="cpu", scheduler=address)
    assert labels_in(tmp_path) == serial


def test_resuming_leaves_what_is_done(images, serial, tmp_path):
    write_labels(tmp_path / "b.tif", np.ones((3, 3), int))
    kept = (tmp_path / "b.tif").read_bytes()
    with pytest.raises(UsageError, match=r"b.tif exists; pass --overwrite to replace it, or --resume"):
        predict_images([images], "default", tmp_path, device="cpu")
    with pytest.raises(DataError, match="2 of 6"):
        predict_images([images], "default", tmp_path, device="cpu", resume=True)
    expected = serial | {"b.tif": kept}
    del expected["b_overlay.png"]
    assert labels_in(tmp_path) == expected


def test_strict_stops_at_the_first(images, tmp_path):
    with pytest.raises(DataError, match=r"bad.png: a text file, not PNG"):
        predict_images([images], "default", tmp_path, device="cpu", strict=True)
    assert set(labels_in(tmp_path)) == {"a.tif", "a_overlay.png", "b.tif", "b_overlay.png"}


def test_an_image_read_by_tiles(tmp_path, monkeypatch):
    """The same labels as in memory, though the network's tiles and those of the decoder differ."""
    zarr = pytest.importorskip("zarr")
    from fcrbench.io import large as files
    from fcrbench.postprocess.tiled import instances

    monkeypatch.setitem(instances.instances_of_classes.__kwdefaults__, "tile", 100)
    dataset = datasets.create("sample")
    image = np.concatenate([dataset.load(key).image[:230] for key in dataset.splits["val"][:2]], axis=1)
    image = image[:, :800]
    write_png(tmp_path / "memory" / "a.png", image)
    predict_images([tmp_path / "memory"], "default", tmp_path, device="cpu", tile=0)
    expected = read_labels(tmp_path / "a.tif")
    zarr.create_array(tmp_path / "b.zarr", data=image, chunks=(64, 64))
    assert (
        predict_images([tmp_path / "b.zarr"], "default", tmp_path / "out", device="cpu", tile=300).done == 1
    )
    found = files.open_image(tmp_path / "out" / "b.zarr")[ALL]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.zarr"]
    np.testing.assert_array_equal(found, expected)
    monkeypatch.setattr(files, "_LARGE_FILE", 0)
    monkeypatch.setattr(files, "_LARGE_IMAGE", 1000)
    tifffile.imwrite(tmp_path / "c.tif", image, tile=(64, 64))
    assert predict_images([tmp_path / "c.tif"], "default", tmp_path / "out", device="cpu", tile=300).done == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["b.zarr", "c.tif"]
    np.testing.assert_array_equal(files.open_image(tmp_path / "out" / "c.tif")[ALL], expected)


def test_killed_by_tiles_leaves_nothing_for_long(tmp_path):
    """The next call removes the planes and the labels that a killed one had begun."""
    zarr = pytest.importorskip("zarr")
    image = np.random.default_rng(0).integers(0, 9, (200, 200)).astype(np.uint8)
    zarr.create_array(tmp_path / "a.zarr", data=image, chunks=(64, 64))
    code = (
        "import os, signal, sys; from pathlib import Path; from fcrbench.inference import large as predict\n"
        "predict.instances_of_classes = lambda *given, **more: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from fcrbench.jobs.predict import predict_images\n"
        "predict_images([Path(sys.argv[1])], 'default', Path(sys.argv[2]), device='cpu')"
    )
    out = tmp_path / "out"
    assert (
        subprocess.run([sys.executable, "-c", code, tmp_path / "a.zarr", out]).returncode == -signal.SIGKILL
    )
    assert len([path for path in out.iterdir() if path.name.startswith(".a-")]) == 2
    predict_images([tmp_path / "a.zarr"], "default", out, device="cpu", resume=True)
    assert [path.name for path in out.iterdir()] == ["a.zarr"]


def test_killed_and_resumed_is_as_undisturbed(images, serial, tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from fcrbench.jobs import predict\n"
        "plain = predict.segment_image\n"
        "def slow(*given):\n    time.sleep(0.2)\n    return plain(*given)\n"
        "predict.segment_image = slow\n"
        "predict.predict_images([Path(sys.argv[1])], 'default', Path(sys.argv[2]), device='cpu')"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(images), str(tmp_path)])
    while process.poll() is None and not (tmp_path / "b.tif").exists():
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "d.tif").exists()
    with pytest.raises(DataError, match="2 of 6"):
        predict_images([images], "default", tmp_path, device="cpu", resume=True)
    assert labels_in(tmp_path) == serial
