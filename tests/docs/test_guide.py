"""docs/add-your-method.md, followed to the letter by a new user: its files written, its commands run."""

import csv
import json
import re
import sys

import pytest
from guides import Guide, names_of_tests

GUIDE = Guide("add-your-method.md")
pytestmark = pytest.mark.skipif(not GUIDE.path.exists(), reason="no docs folder beside the tests")


def test_the_package_is_of_40_lines():
    assert set(GUIDE.files()) == {
        "pyproject.toml",
        "fcrbench_tiny/__init__.py",
        "fcrbench_tiny/method.py",
        "tests/test_tiny.py",
    }
    assert GUIDE.lines("fcrbench_tiny") <= 40


def test_the_guide_names_every_test():
    from fcrbench.testing import MethodTests

    assert set(GUIDE.tests()) == names_of_tests(MethodTests)


@pytest.mark.long  # builds packages and an environment
@pytest.mark.skipif(sys.platform == "win32", reason="the guide's commands are of a POSIX shell")
def test_the_guide_followed_to_the_letter(tmp_path):
    user = GUIDE.new_user(tmp_path)
    install, listing, test, run, table = GUIDE.commands()

    user.run(install)
    listed = user.run(listing)
    assert re.search(r"^tiny +fcrbench-tiny 0\.1 +5,2\d\d  The guide of fcrbench$", listed, re.M)
    assert re.search(r"--set options.width=16 +channels of every layer", listed)

    asked = len(GUIDE.tests())
    found = user.run(test)
    assert (
        f" {asked} passed" in found or f" {asked - 1} passed, 1 skipped" in found
    )  # test_cuda, without a GPU

    user.run(run)
    (folder,) = (user.folder / "runs").iterdir()
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["metrics"]["pq"]["mean"] > 0.1
    assert json.loads((folder / "manifest.json").read_text())["method"]["name"] == "tiny"
    assert (folder / "report.html").stat().st_size > 10_000

    shown = user.run(table)
    assert "tiny" in shown
    rows = list(csv.DictReader((user.folder / "table" / "table.csv").open()))
    assert [row["method"] for row in rows if row["source"] == "measured"] == ["tiny", "fcrnet"]
    assert (user.folder / "table" / "table.html").exists()
