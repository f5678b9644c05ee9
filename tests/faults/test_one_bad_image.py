"""Faults in each stage for one image: the others are finished, and the image is listed.

Faults that concern all images stop the command.
"""

import csv
import errno
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_fields import blocks, threshold

from fcrbench import datasets
from fcrbench.cli import main
from fcrbench.errors import DataError, FcrbenchError, UsageError, WriteError
from fcrbench.evaluation import corruptions, robustness
from fcrbench.io import read_labels, write_labels, write_png
from fcrbench.work.failures import Failure, Failures, attempt

NAMES = "abcdef"
LONG = "n" * 245  # its overlay's name is longer than a file system takes
ERRORS = {
    "ValueError": ValueError("operands could not be\nbroadcast"),
    "IndexError": IndexError("index 9 is out of bounds"),
    "MemoryError": MemoryError(),
    "struct.error": struct.error("unpack requires a buffer of 4 bytes"),
    "RuntimeError": RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
    "OSError": OSError(errno.EIO, "Input/output error"),
}


def listed(path):
    with path.open(newline="") as file:
        return {row["image"]: row["reason"] for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def fields(tmp_path_factory):
    """Write six crops of real fields with different widths, and their labels."""
    folder = tmp_path_factory.mktemp("fields")
    sample = next(datasets.create("sample").samples("val"))
    for i, name in enumerate(NAMES):
        write_png(folder / "images" / f"{name}.png", sample.image[:64, : 64 + i])
        write_labels(folder / "labels" / f"{name}.tif", sample.labels[:64, : 64 + i])
    return folder


def break_(monkeypatch, where, which, error):
    """Make the function at `where` raise an error for the arguments that `which` selects."""
    module, _, name = where.rpartition(".")
    place = sys.modules.get(module) or getattr(
        sys.modules[module.rpartition(".")[0]], module.rpartition(".")[2]
    )
    plain = getattr(place, name)

    def broken(*args, **options):
        if which(*args):
            raise error
        return plain(*args, **options)

    monkeypatch.setattr(place, name, broken)


def path_is(name):
    return lambda path, *rest: Path(path).stem == name


STAGES = {
    "reader": ("fcrbench.jobs.predict.decode_image", path_is("b")),
    "network": ("fcrbench.inference.Predictor.__call__", lambda predictor, image: image.shape[1] == 65),
    "picture": ("fcrbench.jobs.predict.write_png", path_is("b_overlay")),
    "writer": ("fcrbench.jobs.predict.write_labels", path_is("b")),
}


@pytest.mark.parametrize("workers", ["1", "3"])
@pytest.mark.parametrize("stage", STAGES)
def test_prediction(fields, tmp_path, monkeypatch, capsys, stage, workers):
    import fcrbench.jobs.predict  # noqa: F401

    error = list(ERRORS.values())[list(STAGES).index(stage)]
    break_(monkeypatch, *STAGES[stage], error)
    arguments = ["predict", str(fields / "images"), "--device", "cpu", "--workers", workers]
    out = tmp_path / "out"
    assert main([*arguments, "-o", str(out)]) == 3
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("fcrbench: error: 1 of 6 images could not be segmented: ")
    assert line.endswith(f"; traceback in {out / 'failed.log'}")
    assert listed(out / "failed.csv").keys() == {"b"}
    reason = listed(out / "failed.csv")["b"]
    assert str(fields / "images" / "b.png") in reason
    assert type(error).__name__ in reason
    assert "\n" not in reason
    trace = (out / "failed.log").read_text()
    assert trace.startswith("b\nTraceback")
    assert f"{type(error).__name__}" in trace
    done = {path.name for path in out.iterdir()} - {"failed.csv", "failed.log"}
    assert done == {f"{name}{end}" for name in NAMES if name != "b" for end in (".tif", "_overlay.png")}
    strict = tmp_path / "strict"
    assert main([*arguments, "-o", str(strict), "--strict"]) == 1
    assert type(error).__name__ in capsys.readouterr().err
    assert (strict / "failed.log").read_text().startswith("b\nTraceback")
    assert not (strict / "failed.csv").exists()
    monkeypatch.undo()
    assert main([*arguments, "-o", str(out), "--resume"]) == 0
    assert not (out / "failed.csv").exists()
    assert not (out / "failed.log").exists()


@pytest.mark.parametrize("name", ERRORS)
def test_any_exception_of_one_image_is_a_line_with_its_kind(name):
    found = attempt(lambda: (_ for _ in ()).throw(ERRORS[name]), "a.png")
    assert found.reason.startswith("a.png: ")
    assert type(ERRORS[name]).__name__ in found.reason
    assert "\n" not in found.reason
    assert "Traceback" in found.trace
    assert pickle.loads(pickle.dumps(found)) == found


def test_errors_of_ours_have_no_traceback_and_name_the_image_once():
    def fail(error):
        def work():
            raise error

        return attempt(work, "in/a.png", "out/a.tif")

    assert fail(DataError("in/a.png: empty")) == Failure("in/a.png: empty")
    assert fail(DataError("out/a.tif: empty")) == Failure("out/a.tif: empty")
    assert fail(DataError("the output holds NaN")) == Failure("in/a.png: the output holds NaN")
    assert fail(FcrbenchError("needs zarr")) == Failure("in/a.png: needs zarr")


def test_what_concerns_all_images_is_raised(tmp_path):
    (tmp_path / "file").touch()
    for error, expected in (
        (WriteError(tmp_path / "file" / "a.tif", OSError(errno.ENOTDIR, "Not a directory")), WriteError),
        (UsageError("--tile 3"), UsageError),
        (ModuleNotFoundError("no torch", name="torch"), ModuleNotFoundError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ):
        with pytest.raises(expected):
            attempt(lambda error=error: (_ for _ in ()).throw(error), "a.png")
    one = WriteError(tmp_path / "a.tif", OSError(errno.ENAMETOOLONG, "File name too long"))
    assert isinstance(attempt(lambda: (_ for _ in ()).throw(one), "a.png"), Failure)
    assert (
        str(pickle.loads(pickle.dumps(one)))
        == str(one)
        == f"cannot write {tmp_path}/a.tif: File name too long"
    )


def test_without_a_folder_tracebacks_go_to_the_log(caplog):
    found = Failures()
    found.add("a", Failure("a: KeyError: 3", "Traceback of a"))
    with pytest.raises(DataError, match=r"1 of 2 images could not be scored: a: KeyError: 3$"):
        found.finish(2, "scored")
    assert "a\nTraceback of a" in caplog.messages


def run(patch, *arguments, folder):
    code = f"import sys\n{patch}\nfrom fcrbench.cli import main\nsys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_prediction_from_the_command_line_with_a_fault_in_every_stage(fields, tmp_path):
    """A name that is too long needs no patch, because the real writer fails on it."""
    for name in NAMES:
        os.link(fields / "images" / f"{name}.png", tmp_path / f"{name}.png")
    os.link(fields / "images" / "a.png", tmp_path / f"{LONG}.png")
    patch = (
        "from fcrbench.jobs import predict; from fcrbench.inference import Predictor\n"
        "read, plain = predict.decode_image, Predictor.__call__\n"
        "def reader(path):\n"
        "    if path.stem == 'b': raise IndexError('list index out of range')\n"
        "    return read(path)\n"
        "def network(self, image):\n"
        "    if image.shape[1] == 66: raise RuntimeError('out of memory')\n"
        "    if image.shape[1] == 67: raise predict.DataError('the output holds NaN')\n"
        "    return plain(self, image)\n"
        "predict.decode_image, Predictor.__call__ = reader, network\n"
    )
    done = run(patch, "predict", ".", "-o", "out", "--device", "cpu", folder=tmp_path)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "3 of 7 images could not be segmented: " in done.stderr
    assert f"{LONG}.png: no overlay, because the name {LONG}_overlay.png is too long" in done.stderr
    reasons = listed(tmp_path / "out" / "failed.csv")
    assert reasons == {
        "b": "b.png: IndexError: list index out of range",
        "c": "c.png: RuntimeError: out of memory",
        "d": "d.png: the output holds NaN",
    }
    assert (tmp_path / "out" / "failed.log").read_text().count("Traceback") == 2
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"failed.csv", "failed.log", f"{LONG}.tif"} | {
        f"{name}{end}" for name in "aef" for end in (".tif", "_overlay.png")
    }


FULL = {
    "full": OSError(errno.ENOSPC, "No space left on device"),
    "quota": OSError(errno.EDQUOT, "Disk quota exceeded"),
    "too large": OSError(errno.EFBIG, "File too large"),
    "disk error": OSError(errno.EIO, "Input/output error"),
    "name": OSError(errno.EILSEQ, "Invalid or incomplete multibyte or wide character"),
}


def fill_disk(monkeypatch, error, is_full):
    """Make the disk refuse the temporary files for whose names `is_full` returns True."""
    import fcrbench.work.atomic

    plain = fcrbench.work.atomic.Path.write_bytes
    written = []

    def write(path, data):
        if is_full(path.name, data):
            raise error
        written.append(path.name)
        return plain(path, data)

    monkeypatch.setattr(fcrbench.work.atomic.Path, "write_bytes", write)
    return written


@pytest.mark.parametrize("kind", FULL)
def test_a_disk_that_is_full_for_one_file(fields, tmp_path, monkeypatch, capsys, kind):
    """The image is listed, and the others are done."""
    fill_disk(monkeypatch, FULL[kind], lambda name, data: name.startswith(".b_overlay"))
    out = tmp_path / "out"
    assert main(["predict", str(fields / "images"), "--device", "cpu", "-o", str(out)]) == 3
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.endswith(f"b_overlay.png: {FULL[kind].strerror}")
    assert listed(out / "failed.csv").keys() == {"b"}
    done = {path.name for path in out.iterdir()} - {"failed.csv"}
    assert done == {f"{name}{end}" for name in NAMES if name != "b" for end in (".tif", "_overlay.png")}


def test_a_disk_that_stays_full_stops_at_once(fields, tmp_path, monkeypatch, capsys):
    full = []

    def is_full(name, data):
        full.extend([1] * name.startswith(".b_overlay"))
        return bool(full)

    written = fill_disk(monkeypatch, FULL["full"], is_full)
    out = tmp_path / "out"
    assert main(["predict", str(fields / "images"), "--device", "cpu", "-o", str(out)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "b_overlay.png: No space left on device" in line
    assert line.endswith("1 of 6 images are segmented; continue with --resume")
    assert sum("_overlay" in name for name in written) == 1
    assert {path.name for path in out.iterdir()} == {"a.tif", "a_overlay.png"}


def test_a_disk_with_room_for_small_files_only_stops_after_some(fields, tmp_path, monkeypatch, capsys):
    """Ten images in a row are tried, because the next one may be smaller. Then the command stops."""
    for i in range(14):
        os.link(fields / "images" / "a.png", tmp_path / f"{i:02}.png")
    fill_disk(monkeypatch, FULL["full"], lambda name, _: "_overlay" in name and not name.startswith(".00"))
    out = tmp_path / "out"
    assert main(["predict", str(tmp_path), "--device", "cpu", "-o", str(out)]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert "stopped after 10 images in a row did not fit on the disk" in line
    assert line.endswith("1 of 14 images are segmented; continue with --resume")
    assert listed(out / "failed.csv").keys() == {f"{i:02}" for i in range(1, 11)}


def test_scoring(fields, tmp_path, monkeypatch, capsys):
    from fcrbench.jobs import score as scoring

    serial = tmp_path / "whole.csv"
    labels = str(fields / "labels")
    assert main(["score", labels, labels, "-o", str(serial)]) == 0
    break_(monkeypatch, "fcrbench.jobs.score.read_labels", path_is("b"), ERRORS["IndexError"])
    plain = scoring.overlap_table
    monkeypatch.setattr(scoring, "overlap_table", lambda t, p: 1 / 0 if t.shape[1] == 66 else plain(t, p))
    for workers in ("1", "3"):
        assert main(["score", labels, labels, "-o", str(tmp_path / "s.csv"), "--workers", workers]) == 3
        assert "2 of 6 images could not be scored: " in capsys.readouterr().err
        reasons = listed(tmp_path / "s.failed.csv")
        assert "b.tif: IndexError: index 9" in reasons["b"]
        assert "c.tif: ZeroDivisionError" in reasons["c"]
        assert (tmp_path / "s.failed.log").read_text().count("Traceback") == 2
        rows = (tmp_path / "s.csv").read_text().splitlines()
        assert rows == [row for row in serial.read_text().splitlines() if row[:2] not in ("b,", "c,")]


@pytest.mark.parametrize("to", ["geojson", "coco", "csv", "parquet"])
def test_export(fields, tmp_path, monkeypatch, capsys, to):
    from fcrbench.export import files, inputs

    if to == "parquet":
        pytest.importorskip("pyarrow")
    break_(monkeypatch, "fcrbench.export.inputs.decode", path_is("a"), ERRORS["IndexError"])
    work = {"geojson": "feature_collection", "coco": "annotate"}.get(to, "measure")
    module = inputs if work == "measure" else files
    plain = getattr(module, work)

    def broken(*given):
        labels = next(array for array in given if isinstance(array, np.ndarray))
        return 1 / 0 if labels.shape[1] == 66 else plain(*given)

    monkeypatch.setattr(module, work, broken)
    output = tmp_path / ("out" if to == "geojson" else f"x.{'json' if to == 'coco' else to}")
    kind = to if to in ("geojson", "coco") else "table"
    assert main(["export", str(fields / "labels"), "--to", kind, "-o", str(output)]) == 3
    assert "2 of 6 images could not be exported: " in capsys.readouterr().err
    failed = output / "failed.csv" if to == "geojson" else tmp_path / "x.failed.csv"
    reasons = listed(failed)
    assert "a.tif: IndexError" in reasons["a"]
    assert "c.tif: ZeroDivisionError" in reasons["c"]
    assert failed.with_suffix(".log").read_text().count("Traceback") == 2
    if to == "geojson":
        assert {path.stem for path in output.glob("*.geojson")} == set("bdef")
    elif to == "coco":
        import json

        document = json.loads(output.read_text())
        assert [image["file_name"][0] for image in document["images"]] == list("bdef")
        assert [image["id"] for image in document["images"]] == [1, 2, 3, 4]
        assert [one["id"] for one in document["annotations"]] == [*range(1, len(document["annotations"]) + 1)]
    else:
        import pandas as pd

        table = pd.read_csv(output) if to == "csv" else pd.read_parquet(output)
        assert table["image"].unique().tolist() == list("bdef")
    monkeypatch.undo()
    assert main(["export", str(fields / "labels"), "--to", kind, "-o", str(output)]) == 0
    assert not failed.exists()


def test_robustness_leaves_out_what_fails_where_it_fails():
    samples = blocks(4)
    chosen = corruptions.choose_corruptions("blur,gain", np.dtype(np.uint16))
    expected = robustness.measure(threshold, samples, chosen)
    bad = samples[1].image.copy()
    worse = [p for p in expected if p.corruption.name == "blur"][2]

    def predict(picture):
        if np.array_equal(picture, bad) or np.array_equal(picture, corruptions.defocus(samples[2].image, 2)):
            raise RuntimeError("out of memory")
        return threshold(picture)

    found = Failures()
    points = robustness.measure(predict, samples, chosen, failures=found)
    assert list(found.reasons) == ["field1", "field2 at blur 2"]
    assert found.reasons["field2 at blur 2"] == "field field2 at blur 2: RuntimeError: out of memory"
    for point, whole in zip(points, expected, strict=True):
        left = {"field0", "field3"} if (point.corruption.name, point.level) == ("blur", 2) else None
        left = left or {"field0", "field2", "field3"}
        assert set(point.table["image"]) == left
        rows = whole.table[whole.table["image"].isin(left)]
        assert point.metrics["ap"]["mean"] == pytest.approx(rows["ap"].mean())
        clean = expected[0].table[expected[0].table["image"].isin(left)]
        assert point.differences["ap"]["difference"] == pytest.approx(rows["ap"].mean() - clean["ap"].mean())
    assert worse.level == 2
    none = Failures()
    assert robustness.measure(lambda picture: 1 / 0, samples, chosen, failures=none) == []
    assert len(none.found) == 4


def test_a_run_scores_the_other_fields_and_is_not_finished(tmp_path, monkeypatch, capsys):
    """A comparison does not accept the run as finished, because it has scores for fewer fields."""
    from fcrbench.evaluation import evaluate as evaluation

    (tmp_path / "images").mkdir()
    sample = next(datasets.create("sample").samples("val"))
    for i, name in enumerate(NAMES):
        write_png(tmp_path / "images" / f"{name}.png", sample.image[:64, : 64 + i])
        write_labels(tmp_path / "masks" / f"{name}.tif", sample.labels[:64, : 64 + i])
    data = ["--dataset", "folder", "--root", str(tmp_path), "--set", "dataset.options.val_fraction=0.5"]
    arguments = ["run", "--weights", "default", "--device", "cpu", *data, "--output", str(tmp_path / "runs")]
    ids = datasets.create("folder", tmp_path, val_fraction=0.5).splits["val"]
    break_(monkeypatch, "fcrbench.evaluation.evaluate.write_labels", path_is(ids[1]), ValueError("no"))
    assert evaluation.write_labels is not write_labels
    assert main(arguments) == 3
    assert f"1 of 3 images could not be segmented: field {ids[1]}: ValueError: no" in capsys.readouterr().err
    (folder,) = (tmp_path / "runs").iterdir()
    assert listed(folder / "failed.csv").keys() == {ids[1]}
    assert "Traceback" in (folder / "failed.log").read_text()
    with (folder / "images.csv").open(newline="") as file:
        assert [row["image"] for row in csv.DictReader(file)] == [ids[0], ids[2]]
    assert "1 image could not be segmented and is left out" in (folder / "report.html").read_text()
    assert main(["compare", str(folder)]) == 1
    assert f"the first wrong one is {ids[1]}" in capsys.readouterr().err
    for name in ids[:2]:
        (tmp_path / "masks" / f"{name}.tif").write_bytes(b"II*\0")
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert "2 of 3 images could not be read: " in error
    for name in ids[:2]:
        assert str(tmp_path / "masks" / f"{name}.tif") in error
    assert len(list((tmp_path / "runs").iterdir())) == 1, "a run was made"


def test_validation_counts_a_field_that_fails_as_empty(caplog):
    from fcrbench.evaluation.evaluate import mean_scores

    samples = blocks(2)

    def predict(picture):
        if np.array_equal(picture, samples[0].image):
            raise DataError("the output holds NaN")
        return threshold(picture)

    assert mean_scores(predict, samples)["pq"] == pytest.approx(mean_scores(threshold, samples)["pq"] / 2)
    assert caplog.messages == [
        "this field counts as empty in the validation: field field0: the output holds NaN"
    ]
    with pytest.raises(DataError, match="field field0: ZeroDivisionError"):
        mean_scores(lambda picture: 1 / 0, samples)


def test_on_dask_workers(fields, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    from fcrbench.jobs.predict import predict_images

    break_(monkeypatch, *STAGES["network"], ERRORS["RuntimeError"])
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        pytest.raises(DataError, match=r"1 of 6 images could not be segmented: .*b\.png: RuntimeError: CUDA"),
    ):
        predict_images(
            [fields / "images"], "default", tmp_path, device="cpu", scheduler=cluster.scheduler_address
        )
    assert {path.stem for path in tmp_path.glob("?.tif")} == set("acdef")
    assert read_labels(tmp_path / "a.tif").shape == (64, 64)
    assert "Traceback" in (tmp_path / "failed.log").read_text()
