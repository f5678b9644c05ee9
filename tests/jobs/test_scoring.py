"""Folders scored serially, by threads, by dask workers, interrupted: always the same rows."""

import json
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from fcrbench import metrics
from fcrbench.errors import DataError, FcrbenchError, UsageError
from fcrbench.io import write_labels
from fcrbench.jobs.score import Scored, score_folders
from fcrbench.label_checks import looks_like

N = 24


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Truths and predictions of random boxes; some without objects."""
    root = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(0)
    for i in range(N):
        truth = np.zeros((40, 50), np.int32)
        for k in range(1, 1 + i % 7):
            y, x = rng.integers(0, 30, 2)
            truth[y : y + 9, x : x + 9] = k
        write_labels(root / "truth" / f"{i:03}.tif", truth)
        write_labels(root / "pred" / f"{i:03}.tif", np.roll(truth, rng.integers(0, 4), 1))
    return root / "truth", root / "pred"


@pytest.fixture(scope="module")
def serial(folders):
    return score_folders(*folders).scores.table


def test_rows_are_those_of_the_images(folders, serial):
    from fcrbench.io import read_labels

    assert serial["image"].tolist() == [f"{i:03}" for i in range(N)]
    pairs = ((p.stem, read_labels(p), read_labels(folders[1] / p.name)) for p in sorted(folders[0].iterdir()))
    pd.testing.assert_frame_equal(serial, metrics.score_dataset(pairs).table, check_exact=True)


def test_threads_give_the_same_rows_and_file(folders, serial, tmp_path):
    found = score_folders(*folders, tmp_path / "s.csv", workers=3)
    pd.testing.assert_frame_equal(found.scores.table, serial, check_exact=True)
    assert (tmp_path / "s.csv").read_text() == serial.to_csv(index=False)
    assert [path.name for path in tmp_path.iterdir()] == ["s.csv"]


def test_bad_images_are_listed_and_the_others_scored(folders, serial, tmp_path):
    truth, pred = tmp_path / "truth", tmp_path / "pred"
    for i in range(4):
        for folder, source in ((truth, folders[0]), (pred, folders[1])):
            folder.mkdir(exist_ok=True)
            (folder / f"{i:03}.tif").write_bytes((source / f"{i:03}.tif").read_bytes())
    (pred / "001.tif").write_bytes(b"")
    (pred / "002.tif").unlink()
    found = score_folders(truth, pred, tmp_path / "s.csv", workers=2)
    pd.testing.assert_frame_equal(
        found.scores.table, serial.iloc[[0, 3]].reset_index(drop=True), check_exact=True
    )
    with pytest.raises(DataError, match=r"2 of 4 images could not be scored: .*001.tif: the file is empty"):
        found.failures.finish(found.images, "scored")
    listed = pd.read_csv(tmp_path / "s.failed.csv", dtype=str)
    assert listed["image"].tolist() == ["001", "002"]
    assert "no label image for 002.tif" in listed["reason"][1]
    with pytest.raises(DataError, match=r"001.tif: the file is empty"):
        score_folders(truth, pred, tmp_path / "t.csv", strict=True)
    assert not (tmp_path / "t.csv").exists()
    for name in ("001.tif", "002.tif"):
        (pred / name).write_bytes((folders[1] / name).read_bytes())
    found = score_folders(truth, pred, tmp_path / "t.csv", strict=True, resume=True)
    pd.testing.assert_frame_equal(found.scores.table, serial.iloc[:4], check_exact=True)
    found.failures.finish(found.images, "scored")
    assert not (tmp_path / "t.csv.part").exists()


def test_what_is_done_is_not_done_again(folders, serial, tmp_path):
    """A journal with a row that is not true, and one cut in the middle: the first is believed."""
    part = tmp_path / "s.csv.part"
    identity = {"truth": str(folders[0]), "pred": str(folders[1])}
    row = list(serial.drop(columns="image").to_dict("records")[1].values())
    lines = [json.dumps(identity), json.dumps(["000", row]), json.dumps(["001", row])[:-9]]
    part.write_text("\n".join(lines))
    found = score_folders(*folders, tmp_path / "s.csv", resume=True).scores.table
    expected = pd.concat([serial.iloc[[1]].assign(image="000"), serial.iloc[1:]], ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert [path.name for path in tmp_path.iterdir()] == ["s.csv"]
    part.write_text(json.dumps(identity | {"pred": "elsewhere"}) + "\n")
    with pytest.raises(DataError, match="belongs to another job"):
        score_folders(*folders, tmp_path / "s.csv", resume=True)
    with pytest.raises(UsageError, match="--resume needs the --output"):
        score_folders(*folders, resume=True)


def test_killed_and_resumed_is_as_undisturbed(folders, serial, tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from fcrbench.jobs import score as scoring\n"
        "from fcrbench.work import journal\n"
        "journal._FLUSH = 0.0\n"
        "plain = scoring.score_pair\n"
        "def slow(pair):\n    time.sleep(0.02)\n    return plain(pair)\n"
        "scoring.score_pair = slow\n"
        "scoring.score_folders(*map(Path, sys.argv[1:]))"
    )
    output = tmp_path / "s.csv"
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, folders), str(output)])
    part = tmp_path / "s.csv.part"
    while process.poll() is None and not (part.exists() and part.read_bytes().count(b"\n") > 5):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not output.exists()
    assert 5 < part.read_bytes().count(b"\n") < N
    score_folders(*folders, output, resume=True)
    assert output.read_text() == serial.to_csv(index=False)


@pytest.mark.parametrize("limit", [0, 1 << 26])
def test_two_zarr_images_are_scored_whole_or_by_tiles(folders, serial, tmp_path, monkeypatch, limit):
    zarr = pytest.importorskip("zarr")
    from fcrbench.io import large, read_labels

    monkeypatch.setattr(large, "_LARGE_LABELS", limit)

    for folder in folders:
        labels = read_labels(folder / "006.tif")
        zarr.create_array(tmp_path / f"{folder.name}.zarr", data=labels, chunks=(16, 16))
    found = score_folders(tmp_path / "truth.zarr", tmp_path / "pred.zarr").scores.table
    expected = serial.iloc[[6]].assign(image="truth").reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    again = score_folders(folders[0] / "006.tif", tmp_path / "pred.zarr").scores.table
    pd.testing.assert_frame_equal(again, expected.assign(image="006"), check_exact=True)
    with pytest.raises(UsageError, match="expected two folders or two images"):
        score_folders(folders[0], tmp_path / "pred.zarr")
    zarr.create_array(tmp_path / "bad.zarr", data=labels * 0.5)
    found = score_folders(tmp_path / "truth.zarr", tmp_path / "bad.zarr")
    words = "labels are not whole numbers" if limit else "pred: expected an array of an integer dtype"
    assert words in found.failures.reasons["truth"]
    found = score_folders(tmp_path / "truth.zarr", tmp_path / "truth.zarr", label_mask="both")
    words = "expected a mask with one value" if limit else "read in tiles cannot be labelled"
    assert words in found.failures.reasons["truth"]


def test_two_at_once_into_one_place_are_told(folders, tmp_path):
    from fcrbench.work.journal import Journal

    other = Journal(tmp_path / "s.csv.part", {})
    other.open(resume=False)
    with pytest.raises(FcrbenchError, match=r"s.csv.part: another process is working on this job"):
        score_folders(*folders, tmp_path / "s.csv")
    other.close()
    assert len(score_folders(*folders, tmp_path / "s.csv").scores.table) == N


def test_what_files_look_like_travels_from_workers_and_through_journals():
    mask = np.kron(np.eye(8, dtype=np.uint8), np.ones((4, 4), np.uint8))
    found = Scored([0.5, 3], {"truth": looks_like(mask), "pred": None})
    assert found.findings["truth"].details == "one id in 8 pieces"
    for back in (
        pickle.loads(pickle.dumps(found)),
        Scored.from_json(json.loads(json.dumps(found.to_json()))),
    ):
        assert back == found
    assert Scored([0.5, 3], {"truth": None, "pred": None}).to_json() == [0.5, 3]
