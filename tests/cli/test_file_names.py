"""Names of files as people have them: in other encodings, with accents in two forms, in subfolders."""

import csv
import json
import os
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from command_line import Cli
from drawn_fields import three_discs

from fcrbench import metrics
from fcrbench.io import write_labels, write_png

LATIN1 = os.fsdecode(b"zelle_\xfc")
ODD = [
    *(LATIN1, "tab\tname", "line\nbreak", "carriage\rreturn", 'quo"te', "q'uote", "per%cent%s", "-dash"),
    *("  spaces  ", "esc\x1b[31m", "a,b;c", "[bracket]", "{x}", "back\\slash", "#hash", "a..b", "NA", "0001"),
    *("null", "1e5", "caf\u00e9", "\u202ertl", "\u2028line", "\U0001f52c", "<b>&amp;", "L" * 100, "x" * 251),
]
SHOWN = {LATIN1: "zelle_\\xfc"}
pytestmark = pytest.mark.skipif(os.name != "posix", reason="other systems do not have such names")


@pytest.fixture(scope="module")
def field():
    return three_discs()


@pytest.fixture
def folders(cli, field):
    """Call it with the names of images and of masks."""

    def make(images, masks=()):
        for name in images:
            path = cli.folder / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_png(path, field[0]) if path.suffix == ".png" else tifffile.imwrite(path, field[0])
        for name in masks:
            write_labels(cli.folder / "masks" / name, field[1])

    return make


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_any_name_goes_through_score_and_export(cli, folders):
    folders([f"{name}.tif" for name in ODD], [f"{name}.tif" for name in ODD])
    expected = {SHOWN.get(name, name) for name in ODD}
    cli("score", "masks", "masks", "-o", "scores.csv")
    table = metrics.read_table(cli.folder / "scores.csv")
    assert set(table["image"]) == {row["image"] for row in rows(cli.folder / "scores.csv")} == expected
    assert metrics.compare(table, table, "pq")["n_images"] == len(ODD)
    now = metrics.score_dataset((name, np.eye(2, dtype=int), np.eye(2, dtype=int)) for name in ODD)
    assert metrics.compare(now, table, "pq")["n_images"] == len(ODD)
    cli("export", "masks", "--to", "coco", "--images", "images", "-o", "coco.json")
    document = json.loads((cli.folder / "coco.json").read_text(encoding="utf-8"))
    assert {image["file_name"] for image in document["images"]} == {f"{name}.tif" for name in expected}
    for output, read in {"cells.csv": pd.read_csv, "cells.parquet": pd.read_parquet}.items():
        if output.endswith("parquet"):
            pytest.importorskip("pyarrow")
        cli("export", "masks", "--to", "table", "--images", "images", "-o", output)
        keep = {"keep_default_na": False, "dtype": {"image": str}} if output.endswith("csv") else {}
        assert set(read(cli.folder / output, **keep)["image"]) == expected
    (cli.folder / "masks" / f"{'x' * 251}.tif").unlink()  # there is no room for .geojson
    cli("export", "masks", "--to", "geojson", "-o", "geojson")
    names = {f"{name}.geojson" for name in ODD if len(name) < 251}
    assert below(cli.folder / "geojson") == names
    for name in names:
        json.loads((cli.folder / "geojson" / name).read_text(encoding="utf-8"))


def test_any_name_goes_through_predict(cli, folders):
    names = [name for name in ODD if len(name) < 200]
    folders([f"{name}.tif" for name in names])
    (cli.folder / "images" / f"{LATIN1}.png").write_bytes(b"no image")
    (cli.folder / "images" / f"{LATIN1}.tif").unlink()
    done = cli("predict", "images", "-o", "out", code=3)
    assert "images/zelle_\\xfc.png: " in done.stderr
    assert below(cli.folder / "out") == {
        "failed.csv",
        *(f"{name}{end}" for name in names if name != LATIN1 for end in (".tif", "_overlay.png")),
    }
    (failed,) = rows(cli.folder / "out" / "failed.csv")
    assert failed["image"] == "zelle_\\xfc"
    few = {"line\nbreak": "line\\nbreak", "esc\x1b[31m": "esc\\x1b[31m", "tab\tname": "tab\\tname"}
    few |= {"\u202ertl": "\\u202ertl", "\u2028line": "\\u2028line", "caf\u00e9": "caf\u00e9"}
    paths = [cli.folder / "images" / f"{name}.tif" for name in few]
    done = cli("predict", *paths, "-o", "few", "--log", "log.txt")
    assert [line for line in done.stdout.split("\n") if "instances" in line] == [
        f"{shown}.tif: 3 instances" for shown in few.values()
    ]
    logged = (cli.folder / "log.txt").read_text(encoding="utf-8")
    assert all(f"{shown}.tif: 3 instances\n" in logged for shown in few.values())


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "cp1252"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_any_terminal_takes_any_name(cli, folders, environment):
    folders(["zelle_\u4e2d\u00fc.tif", f"{LATIN1}.tif"], ["zelle_\u4e2d\u00fc.tif", f"{LATIN1}.tif"])
    for name in ("\u4e2dx", "\u4e2dy"):
        (cli.folder / "masks" / f"{name}.tif").write_bytes(b"no image")
    bare = Cli(cli.folder, fresh=True)
    bare.environment |= environment
    error = bare.fails("score", "masks", "masks", "-o", "scores.csv", code=3)
    assert "2 of 4 images could not be scored" in error
    assert "\\u4e2dx.tif: " in error
    assert [row["image"] for row in rows(cli.folder / "scores.csv")] == ["zelle_\u4e2d\u00fc", "zelle_\\xfc"]


def test_resume_knows_its_images_again(cli, folders):
    names = [f"{LATIN1}.tif", "line\nbreak.tif", "a.tif"]
    folders([], names)
    (cli.folder / "masks" / "zz.tif").write_bytes(b"no image")
    part = cli.folder / "s.csv.part"
    stop = "import fcrbench.jobs.score as s; s.write_table = lambda *a: os.kill(os.getpid(), signal.SIGKILL)"
    cli.killed(stop, "score", "masks", "masks", "-o", "s.csv")
    kept = part.read_text(encoding="utf-8")
    assert len(kept.splitlines()) == 1 + len(names)
    cli("score", "masks", "masks", "-o", "s.csv", "--resume", code=3)
    assert {row["image"] for row in rows(cli.folder / "s.csv")} == {"zelle_\\xfc", "line\nbreak", "a"}
    assert rows(cli.folder / "s.failed.csv")[0]["image"] == "zz"


def test_a_run_records_any_name(cli, folders):
    names = [f"{LATIN1}.tif", "carriage\rreturn.tif", "caf\u00e9.tif"]
    folders(names, names)
    root = cli.folder / os.fsdecode(b"d\xe4ten [1]\n")
    root.mkdir()
    for part in ("images", "masks"):
        (cli.folder / part).rename(root / part)
    runs = os.fsdecode(b"r\xfcns")
    data = ["--dataset", "folder", "--root", root, "--set", "dataset.options.val_fraction=1"]
    done = cli("run", "--weights", "default", *data, "--output", runs)
    assert "r\\xfcns/" in done.stdout
    (run,) = (cli.folder / runs).iterdir()
    expected = {"zelle_\\xfc", "carriage\rreturn", "caf\u00e9"}
    assert {row["image"] for row in rows(run / "images.csv")} == expected
    assert below(run / "predictions") == {f"{name}.tif" for name in expected}
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["dataset"]["splits"]["val"]) == expected
    assert "zelle_\\xfc" in (run / "report.html").read_text(encoding="utf-8")
    # The record is enough to read the data set again, and the weights are found.
    cli("run", "--weights", run, *data, "--output", LATIN1)
    cli("compare", run, next((cli.folder / LATIN1).iterdir()), "-o", "comparison")
    assert "zelle_\\xfc" in (cli.folder / "comparison" / "table.html").read_text(encoding="utf-8")
    cli("run", "--resume", run)
    cli("predict", root / "images", "--weights", run, "-o", "out")
    cli("score", root / "masks", run / "predictions")


@pytest.mark.parametrize(("of_images", "of_masks"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_both_forms_of_accents_pair(cli, folders, of_images, of_masks):
    names = ["Pr\u00fcfung", "Gr\u00f6\u00dfe", "caf\u00e9"]
    folders(
        [f"{unicodedata.normalize(of_images, name)}.tif" for name in names],
        [f"{unicodedata.normalize(of_masks, name)}.tif" for name in names],
    )
    cli("predict", "images", "-o", "out")
    assert {f"{unicodedata.normalize(of_images, name)}.tif" for name in names} <= below(cli.folder / "out")
    assert "3 images" in cli("score", "masks", "out", "-o", "scores.csv").stdout
    cli("export", "out", "--to", "table", "--images", "images", "-o", "cells.csv")
    options = ["--set", "dataset.options.val_fraction=1"]
    cli("run", "--weights", "default", "--dataset", "folder", "--root", ".", *options, "--output", "runs")


def test_one_name_in_both_forms_is_refused(cli, folders):
    folders(["caf\u00e9.tif", "cafe\u0301.tif"], ["caf\u00e9.tif", "cafe\u0301.tif"])
    for arguments in (["predict", "images", "-o", "out"], ["score", "masks", "images"]):
        assert "NFC and NFD" in cli.fails(*arguments)
