"""Unattended use: --quiet, --log, one line for many images, Ctrl-C, --no-overlay."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tifffile
from command_line import TINY, files

from fcrbench import datasets
from fcrbench.io import write_labels

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} (INFO|WARNING|ERROR) ")
MANY = 30
TINY_DATA = TINY[: TINY.index("--set") + 2 * sum("dataset.options" in word for word in TINY)]


@pytest.fixture
def fields(cli):
    """Thirty equal crops of a real field as TIFF in many/, three of them in few/, and labels of all."""
    sample = next(datasets.create("sample").samples("val"))
    for folder in ("many", "few"):
        (cli.folder / folder).mkdir()
    tifffile.imwrite(cli.folder / "many" / "00.tif", sample.image[:32, :32])
    write_labels(cli.folder / "labels" / "00.tif", sample.labels[:32, :32])
    for i in range(1, MANY):
        for folder in ("many", "labels"):
            os.link(cli.folder / folder / "00.tif", cli.folder / folder / f"{i:02}.tif")
    for i in range(3):
        os.link(cli.folder / "many" / "00.tif", cli.folder / "few" / f"{i:02}.tif")
    return cli.folder


def logged(path):
    lines = path.read_text().splitlines()
    for line in lines:
        assert TIME.match(line), line
    return [TIME.sub("", line) for line in lines]


def test_quiet_prints_warnings_and_errors_only(cli, fields):
    (fields / "few" / "x.tif").write_bytes(b"")
    line = cli.fails("predict", "few", "-o", "out", "--quiet", code=3)
    assert "1 of 4 images" in line
    (fields / "few" / "x.tif").unlink()
    for arguments in (
        ["predict", "few", "-o", "out", "--resume"],
        ["score", "labels", "labels", "-o", "s.csv"],
        ["export", "labels", "--to", "table", "-o", "t.csv"],
        ["robustness", *TINY_DATA, "--images", "1", "--corruptions", "gain", "-o", "r"],
        ["run", "--weights", "default", *TINY_DATA],
    ):
        done = cli(*arguments, "--quiet")
        assert done.stdout == ""
        assert "the truth and the predictions" in done.stderr or done.stderr == "", arguments
    for written in ("out/00.tif", "s.csv", "t.csv", "r/robustness.csv"):
        assert (fields / written).is_file()


def test_every_line_goes_to_the_log_with_its_time(cli, fields):
    (fields / "few" / "x\n.tif").write_bytes(b"")
    done = cli("predict", "few", "-o", "out", "--log", "logs/a.log", code=3)
    assert "00.tif: 3 instances" in done.stdout or "instances" in done.stdout
    lines = logged(fields / "logs" / "a.log")
    assert lines[0].endswith("fcrbench predict few -o out --log logs/a.log")
    assert [line for line in lines if line.startswith("00.tif: ")] == [done.stdout.splitlines()[0]]
    assert any(line.startswith("1 of 4 images could not be segmented: ") for line in lines)
    assert any(r"x\n.tif" in line and "empty" in line for line in lines[:-1])
    (fields / "few" / "x\n.tif").unlink()
    done = cli("predict", "few", "-o", "out", "--log", "logs/a.log", "--resume", "--quiet")
    assert done.stdout == ""
    more = logged(fields / "logs" / "a.log")
    assert more[: len(lines)] == lines
    assert more[-2:] == ["0 images segmented into out, 3 were there already", "done"]
    cli("run", "--weights", "default", *TINY_DATA, "--quiet", "--log", "run.log")
    assert any("fields to score" in line for line in logged(fields / "run.log"))
    assert any(line.startswith("report: ") for line in logged(fields / "run.log"))


@pytest.mark.parametrize("name", ["few/00.tif", "few/00", "few", "loop", "x.csv"])
def test_a_log_that_cannot_be_one(cli, fields, name):
    os.link(fields / "few" / "00.tif", fields / "few" / "00")
    (fields / "loop").symlink_to("loop")
    before = files(fields)
    cli.fails("score", "labels", "labels", "--log", name, code=1 if name == "loop" else 2)
    assert files(fields) == before


def test_output_and_log_differ(cli, fields):
    line = cli.fails("score", "labels", "labels", "-o", "x.log", "--log", "./x.log", code=2)
    assert "x.log is given for two outputs" in line


def test_many_images_are_counted(cli, fields):
    """A line for each of them goes to the log only."""
    done = cli("predict", "many", "-o", "out", "--log", "a.log", "--no-overlay")
    assert done.stdout == f"{MANY} images segmented into out\n"
    assert done.stderr == ""
    assert sum("instances" in line for line in logged(fields / "a.log")) == MANY
    assert {path.suffix for path in (fields / "out").iterdir()} == {".tif"}


def test_progress_says_how_long_it_will_take(monkeypatch, caplog):
    from fcrbench.work import progress

    times = iter([0.0, 0.0, 10.0, 40.0, 50.0, 90.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(times))
    caplog.set_level("INFO")
    with progress.ImageCounter("segmented", bar=False) as counter:
        counter.begin(10_000, earlier=3)
        for done in (4, 12, 13, 10_000):
            counter.update(done)
    assert caplog.messages == ["segmented: 12 of 10,000, 12 h 20 min left", "segmented: 10,000 of 10,000"]
    spoken = [progress.describe_left(seconds) for seconds in (40, 119, 3300, 9000, 2e5)]
    assert spoken == ["40 s left", "2 min left", "55 min left", "2 h 30 min left", "2 d 7 h left"]


SLOW = {
    "predict": (
        "from fcrbench.jobs import predict as job\nplain = job.segment_image\n"
        "def slow(*given):\n    time.sleep(0.2)\n    return plain(*given)\njob.segment_image = slow\n"
    ),
    "score": (
        "from fcrbench.jobs import score as job\nplain = job.score_pair\n"
        "def slow(*given):\n    time.sleep(0.1)\n    return plain(*given)\njob.score_pair = slow\n"
    ),
}


def interrupt(cli, command, number, is_begun, *arguments):
    """Send a signal to a slowed command once it has begun. Return its exit code and its errors."""
    code = f"import sys, time\n{SLOW[command]}from fcrbench.cli import main\nsys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, command, *arguments],
        cwd=cli.folder,
        env=cli.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not is_begun():
        time.sleep(0.02)
    process.send_signal(number)
    _, error = process.communicate()
    return process.returncode, error


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGINT, "1"), (signal.SIGTERM, "2")])
def test_an_interrupted_prediction_says_how_to_continue(cli, fields, number, workers):
    out = fields / "out"
    code, error = interrupt(
        cli,
        "predict",
        number,
        lambda: len(list(out.glob("*.tif"))) > 1,
        "many",
        "-o",
        "out",
        "--workers",
        workers,
    )
    assert code == 130
    assert "Traceback" not in error
    found = re.search(r"stopped: (\d+) of 30 images segmented into out; continue with --resume\n$", error)
    assert int(found[1]) == len(list(out.glob("*.tif"))) == len(list(out.glob("*_overlay.png"))) < MANY
    assert not list(out.glob(".*"))
    done = cli("predict", "many", "-o", "out", "--resume")
    assert done.stdout == f"{MANY - int(found[1])} images segmented into out, {found[1]} were there already\n"


def test_interrupted_scoring_says_how_to_continue(cli, fields):
    part = fields / "s.csv.part"
    arguments = ["labels", "labels", "-o", "s.csv"]
    code, error = interrupt(
        cli, "score", signal.SIGINT, lambda: part.is_file() and part.stat().st_size, *arguments
    )
    assert code == 130
    found = re.search(r"stopped: (\d+) of 30 images scored; continue with --resume\n$", error)
    done = cli("score", *arguments, "--resume")
    assert f"{MANY - int(found[1])} images scored, {found[1]} were there already" in done.stdout
    assert len((fields / "s.csv").read_text().splitlines()) == MANY + 1


def test_a_full_disk_of_the_log_stops_nothing(cli, fields):
    if not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full")
    done = cli("score", "labels", "labels", "-o", "s.csv", "--log", "/dev/full")
    assert "the log /dev/full is incomplete" in done.stderr
    assert (fields / "s.csv").is_file()
