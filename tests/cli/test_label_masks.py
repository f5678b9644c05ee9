"""Files that are no label images are named once with their number, and --label-mask makes labels of masks."""

import json

import numpy as np
import pytest
from command_line import only

from fcrbench import datasets
from fcrbench.io import read_labels, write_labels, write_png
from fcrbench.jobs.configure import configure
from fcrbench.jobs.run import read_data
from fcrbench.postprocess import label


def warnings_of(done):
    return [line for line in done.stderr.splitlines() if " looks like " in line]


@pytest.fixture
def fields(cli):
    """Four small fields: images/, true labels, predictions, and the same truths as masks of 0 and 255."""
    samples = list(datasets.create("sample").samples("val"))[:4]
    for i, sample in enumerate(samples):
        image, labels = sample.image[:320, :320], sample.labels[:320, :320]
        labels = label(labels)[0]
        write_png(cli.folder / "images" / f"f{i}.png", (image / 16).astype(np.uint8))
        write_labels(cli.folder / "labels" / f"f{i}.tif", labels)
        write_labels(cli.folder / "pred" / f"f{i}.tif", np.roll(labels, 1, 0))
        write_png(cli.folder / "masks" / f"f{i}.png", ((labels > 0) * 255).astype(np.uint8))
    return cli.folder


@pytest.mark.parametrize("workers", [1, 3])
def test_score_names_masks_once_and_labels_them(cli, fields, workers):
    plain = cli("score", "labels", "pred", "--workers", workers)
    assert plain.stderr == ""
    done = cli("score", "masks", "pred", "--workers", workers)
    pieces = label(read_labels(fields / "masks" / "f0.png"))[1]
    assert warnings_of(done) == [
        f"truth looks like a mask of 0 and 255: one id in {pieces} pieces (f0.png and 3 more of 4); "
        "--label-mask truth labels its components"
    ]
    done = cli("score", "masks", "pred", "--label-mask", "truth", "--workers", workers)
    assert done.stderr == ""
    assert "truth: the components of masks" in done.stdout
    for i in range(4):
        write_labels(fields / "components" / f"f{i}.tif", label(read_labels(fields / f"masks/f{i}.png"))[0])
    assert done.stdout.split("\n", 1)[1] == cli("score", "components", "pred").stdout
    both = [line.rpartition("; ")[2] for line in warnings_of(cli("score", "masks", "masks"))]
    assert both == 2 * ["--label-mask both labels its components"]
    (pred,) = warnings_of(cli("score", "masks", "masks", "--label-mask", "truth"))
    assert pred.startswith("pred looks ")
    assert pred.endswith("; --label-mask both labels its components")
    both = cli("score", "masks", "masks", "--label-mask", "both")
    assert "PQ          1.0000" in both.stdout


def test_what_is_no_mask_is_refused_by_name(cli, fields):
    error = cli.fails("score", "masks", "pred", "--label-mask", "both")
    assert "4 of 4 images could not be scored" in error
    assert "pred/f0.tif: expected a mask with one value besides 0" in error


def test_intensities_and_masks_of_a_prediction_are_told_apart(cli, fields):
    intensities, mask = warnings_of(cli("score", "images", "masks"))
    assert intensities.startswith("truth looks like an image of intensities: ")
    assert intensities.endswith(
        "(f0.png and 3 more of 4); expected one id per object and 0 for the background"
    )
    assert "--label-mask pred labels" in mask


def test_a_resumed_call_still_knows_what_it_found(cli, fields):
    cli("score", "masks", "pred", "-o", "whole.csv")
    row = [float(x or "nan") for x in (fields / "whole.csv").read_text().splitlines()[1].split(",")[1:]]
    finding = ["mask", "a mask of 0 and 255", "one id in 7 pieces"]
    identity = {"truth": str(fields / "masks"), "pred": str(fields / "pred")}
    part = fields / "s.csv.part"
    lines = [identity, ["f0", {"row": row, "looks_like": {"truth": finding}}], ["f1", row]]
    part.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (warning,) = warnings_of(cli("score", "masks", "pred", "-o", "s.csv", "--resume"))
    assert "one id in 7 pieces (f0.png and 2 more of 4)" in warning  # f1 is from an earlier version
    part.write_text("".join(json.dumps(line) + "\n" for line in lines))
    error = cli.fails("score", "masks", "pred", "-o", "s.csv", "--resume", "--label-mask", "truth")
    assert "belongs to another job" in error


def test_zarr_images_are_examined_and_labelled(cli, fields):
    zarr = pytest.importorskip("zarr")
    for folder in ("labels", "masks"):
        zarr.create_array(fields / f"{folder}.zarr", data=read_labels(next((fields / folder).glob("f0.*"))))
    (warning,) = warnings_of(cli("score", "masks.zarr", "labels.zarr"))
    assert "(masks.zarr); " in warning
    done = cli("score", "masks.zarr", "labels.zarr", "--label-mask", "truth")
    assert warnings_of(done) == []


def test_export_labels_masks(cli, fields):
    done = cli("export", "masks", "--to", "coco", "-o", "mask.json")
    (warning,) = warnings_of(done)
    assert warning.endswith("(f0.png and 3 more of 4); --label-mask labels its components")
    assert done.stdout.startswith("4 objects of 4 images")
    done = cli("export", "masks", "--to", "coco", "-o", "components.json", "--label-mask")
    assert done.stderr == ""
    n = sum(label(read_labels(path))[1] for path in (fields / "masks").iterdir())
    assert done.stdout.startswith(f"{n} objects of 4 images")
    assert "labels/f0.tif: expected a mask" in cli.fails(
        "export", "labels/f0.tif", "--to", "coco", "-o", "no.json", "--label-mask"
    )


def test_runs_warn_before_they_train(fields, caplog):
    given = {"name": "folder", "root": str(fields), "options": {"val_fraction": 0.25}}
    read_data(configure({"dataset": given}))
    (warning,) = [record.message for record in caplog.records]
    assert warning.startswith("truth looks like a mask of 0 and 255: one id in ")
    assert " more of 4); --set dataset.options.label_mask=true" in warning
    caplog.clear()
    given["options"]["label_mask"] = True
    data = read_data(configure({"dataset": given}))
    for sample in (*data.train, *data.val):
        mask = read_labels(fields / "masks" / f"{sample.id}.png")
        np.testing.assert_array_equal(sample.labels, label(mask)[0])
    assert not caplog.records


def test_finetune_records_the_option(cli, fields):
    for folder in ("images", "masks"):
        for path in (fields / folder).iterdir():
            write_png(path, read_labels(path)[40:104, 40:104])
    given = ("--epochs", 1, "--set", "training.crop=32", "--set", "training.crops_per_image=1")
    done = cli("finetune", ".", "--label-mask", "--device", "cpu", *given)
    assert warnings_of(done) == []
    assert "label_mask = true" in (only(fields / "runs") / "config.toml").read_text()
