"""`fcrbench.segment` and `fcrbench.score_folders` do what the commands do."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import tifffile

import fcrbench
from fcrbench import datasets
from fcrbench.errors import DataError, LabelWarning, UsageError
from fcrbench.io import read_labels, write_labels
from fcrbench.jobs import score as job

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def image():
    return next(datasets.create("sample").samples("val")).image[:150, :170]


@pytest.fixture(scope="module")
def labels(image):
    return fcrbench.segment(image, device="cpu")


def test_segment_is_predict(image, labels, tmp_path):
    from fcrbench.jobs.predict import predict_images

    tifffile.imwrite(tmp_path / "a.tif", image)
    tifffile.imwrite(tmp_path / "b.tif", image.astype(np.float64) / 3)
    predict_images([tmp_path / "a.tif", tmp_path / "b.tif"], "default", tmp_path / "out", device="cpu")
    assert labels.dtype == np.int32
    assert labels.max() > 5
    np.testing.assert_array_equal(labels, read_labels(tmp_path / "out" / "a.tif"))
    thirds = fcrbench.segment(image.astype(np.float64) / 3, device="cpu")
    np.testing.assert_array_equal(thirds, read_labels(tmp_path / "out" / "b.tif"))


def test_every_kind_of_array_is_taken(image, labels):
    dask, zarr = pytest.importorskip("dask.array"), pytest.importorskip("zarr")
    wide = np.zeros((image.shape[0], 2 * image.shape[1]), image.dtype)
    wide[:, ::2] = image
    for same in (
        image.astype(">u2"),
        image.tolist(),
        wide[:, ::2],
        np.ma.masked_array(image),
        torch.from_numpy(image.astype(np.int32)),
        dask.from_array(image, chunks=64),
        zarr.array(image, chunks=(64, 64)),
    ):
        np.testing.assert_array_equal(fcrbench.segment(same, device="cpu"), labels)
    assert fcrbench.segment(np.zeros((20, 30), bool), device="cpu").shape == (20, 30)
    np.testing.assert_array_equal(fcrbench.segment(image, device="cpu", tile=64), labels)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (
            lambda x: x[None],
            ValueError,
            r"image: expected one gray image \(H, W\), found shape \(1, .*channel",
        ),
        (lambda x: x[0], ValueError, r"image: expected one gray image \(H, W\), found shape \(170,\)$"),
        (lambda x: x[:0], ValueError, "image: expected at least one pixel"),
        (lambda x: x * 1j, TypeError, "image: expected integers or real numbers, found complex128"),
        (lambda x: x.astype(str), TypeError, "image: expected integers or real numbers"),
        (
            lambda x: np.where(x > 500, np.nan, x),
            ValueError,
            r"image: expected finite values, found \d+",
        ),
        (
            lambda x: np.ma.masked_greater(x, 500),
            ValueError,
            "image: expected an array without masked",
        ),
    ],
)
def test_other_arrays_are_refused(image, change, error, words):
    with pytest.raises(error, match=words):
        fcrbench.segment(change(image), device="cpu")


def test_wrong_arguments_are_refused(image):
    with pytest.raises(ValueError, match="tile: expected a number of pixels"):
        fcrbench.segment(image, device="cpu", tile=-1)
    with pytest.raises(DataError, match="no weights at nowhere"):
        fcrbench.segment(image, "nowhere", device="cpu")


def test_weights_are_loaded_once_for_all_threads_and_again_when_they_change(image, tmp_path, monkeypatch):
    from fcrbench import weights
    from fcrbench.inference import shared

    loaded = []
    load = shared.load_predictor
    monkeypatch.setattr(
        shared, "load_predictor", lambda *given, **more: loaded.append(given) or load(*given, **more)
    )
    file = tmp_path / "mine.safetensors"
    shutil.copy(weights.resolve("default"), file)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: fcrbench.segment(image[:64, :64], file, device="cpu"), range(8)))
    assert len(loaded) == 1
    assert all((one == found[0]).all() for one in found)
    os.utime(file, (1, 1))
    fcrbench.segment(image[:64, :64], str(file), device="cpu")
    fcrbench.segment(image[:64, :64], file, device="cpu")
    assert len(loaded) == 2


@pytest.fixture
def folders(tmp_path, labels):
    for i in range(3):
        write_labels(tmp_path / "truth" / f"{i}.tif", labels)
        write_labels(tmp_path / "pred" / f"{i}.tif", np.roll(labels, i, 0))
        write_labels(tmp_path / "masks" / f"{i}.tif", (labels > 0).astype(np.uint8))
    return tmp_path


def test_folders_are_scored_as_by_the_command(folders, recwarn):
    done = []
    found = fcrbench.score_folders(
        str(folders / "truth"),
        folders / "pred",
        folders / "s.csv",
        workers=2,
        progress=lambda n, total: done.append(n),
    )
    expected = job.score_folders(folders / "truth", folders / "pred").scores
    pd.testing.assert_frame_equal(found.table, expected.table, check_exact=True)
    assert repr(found.summary()) == repr(expected.summary())  # with NaN
    assert (found.failures, done) == ({}, [1, 2, 3])
    assert (folders / "s.csv").read_text() == found.table.to_csv(index=False)
    assert not recwarn.list


def test_images_that_fail_are_listed_and_the_others_scored(folders, caplog):
    (folders / "pred" / "1.tif").write_bytes(b"")
    found = fcrbench.score_folders(folders / "truth", folders / "pred", folders / "s.csv")
    assert found.table["image"].tolist() == ["0", "2"]
    assert list(found.failures) == ["1"]
    assert "1.tif: the file is empty" in found.failures["1"]
    (line,) = [record.message for record in caplog.records]
    assert line.startswith("1 of 3 images could not be scored: ")
    assert (folders / "s.failed.csv").exists()
    with pytest.raises(DataError, match=r"1.tif: the file is empty"):
        fcrbench.score_folders(folders / "truth", folders / "pred", strict=True)
    for path in (folders / "pred").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DataError, match="3 of 3 images could not be scored"):
        fcrbench.score_folders(folders / "truth", folders / "pred")


def test_masks_are_named_and_labelled(folders):
    with pytest.warns(LabelWarning, match=r'\(0.tif and 2 more of 3\); label_mask="truth" labels') as caught:
        plain = fcrbench.score_folders(folders / "masks", folders / "pred")
    assert len(caught) == 1
    assert caught[0].filename == __file__
    labelled = fcrbench.score_folders(folders / "masks", folders / "pred", label_mask="truth")
    assert labelled.table["pq"].mean() > 0.5 > plain.table["pq"].mean()
    with pytest.raises(UsageError, match="label_mask: expected "):
        fcrbench.score_folders(folders / "masks", folders / "pred", label_mask="prediction")
    with pytest.raises(UsageError, match="workers: expected 1 or more, found 0"):
        fcrbench.score_folders(folders / "masks", folders / "pred", workers=0)
