"""`fcrbench robustness`: curves of given weights on a data set."""

import csv

from command_line import TINY, files

DATA = TINY[:10]


def test_curves_of_a_run(cli, trained):
    done = cli("robustness", trained, *DATA, "--corruptions", "noise", "--images", 2, "-o", "out")
    out = cli.folder / "out"
    assert set(files(out)) == {"robustness.html", "robustness.csv", "images.csv"}
    assert len(list(csv.DictReader((out / "robustness.csv").open()))) == 6
    assert "page: out/robustness.html" in done.stdout
    scored = {row["image"]: row["ap"] for row in csv.DictReader((trained / "images.csv").open())}
    unchanged = [row for row in csv.DictReader((out / "images.csv").open()) if float(row["level"]) == 0]
    assert {row["image"]: row["ap"] for row in unchanged} == scored


def test_wrong_arguments_leave_nothing(cli):
    assert "'fog'" in cli.fails("robustness", "--corruptions", "fog", code=2)
    assert "--images 0" in cli.fails("robustness", "--images", 0, code=2)
    assert "no weights at nowhere" in cli.fails("robustness", "nowhere")
    assert "training.crop" in cli.fails("robustness", "--set", "training.crop=32", code=2)
    assert not list(cli.folder.iterdir())
