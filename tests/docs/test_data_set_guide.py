"""docs/add-your-data-set.md, followed to the letter by a new user: its files written, its commands run."""

import json
import re
import sys

import pytest
from guides import Guide, names_of_tests

GUIDE = Guide("add-your-data-set.md")
pytestmark = pytest.mark.skipif(not GUIDE.path.exists(), reason="no docs folder beside the tests")


def test_the_package_is_of_30_lines():
    assert set(GUIDE.files()) == {
        "pyproject.toml",
        "fcrbench_cells/__init__.py",
        "tests/draw_cells.py",
        "tests/test_cells.py",
    }
    assert GUIDE.lines("fcrbench_cells") <= 30


def test_the_guide_names_every_test():
    from fcrbench.testing import DatasetTests

    assert set(GUIDE.tests()) == names_of_tests(DatasetTests)


@pytest.mark.long  # builds packages and an environment
@pytest.mark.skipif(sys.platform == "win32", reason="the guide's commands are of a POSIX shell")
def test_the_guide_followed_to_the_letter(tmp_path):
    user = GUIDE.new_user(tmp_path)
    install, listing, test, draw, run = GUIDE.commands()

    user.run(install)
    listed = user.run(listing)
    assert re.search(r"^cells: nuclei in .npz files, .* needs --root FOLDER$", listed, re.M)
    assert re.search(
        r"^  package fcrbench-cells 0\.1\n  --set dataset\.options\.val_fraction=0\.25$", listed, re.M
    )

    assert f" {len(GUIDE.tests())} passed" in user.run(test)

    user.run(draw)
    user.run(run)
    (folder,) = (user.folder / "runs").iterdir()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["dataset"]["name"], manifest["dataset"]["package"]) == ("cells", "fcrbench-cells 0.1")
    assert {split: len(ids) for split, ids in manifest["dataset"]["splits"].items()} == {"train": 9, "val": 3}
    summary = json.loads((folder / "summary.json").read_text())
    assert 0 <= summary["metrics"]["pq"]["mean"] <= 1
    assert (folder / "report.html").stat().st_size > 10_000
