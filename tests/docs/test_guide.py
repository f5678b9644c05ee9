"""docs/add-your-method.md, followed to the letter by a new user: its files written, its commands run."""

import csv
import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "add-your-method.md"
pytestmark = pytest.mark.skipif(not GUIDE.exists(), reason="no docs folder beside the tests")


def files_of_the_guide() -> dict[str, str]:
    """Text by path: a code block under a line that holds nothing but a path."""
    return dict(re.findall(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```", GUIDE.read_text(), re.M | re.S))


def commands_of_the_guide() -> list[str]:
    """Every line of the sh blocks, in order."""
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text(), re.M | re.S)
    return "".join(blocks).splitlines()


class NewUser:
    """A folder, and an environment in which the packages of this one are installed, and nothing else."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "fcrbench-tiny"
        self.folder.mkdir()
        venv.create(home / "env", symlinks=True)
        binaries = home / "env" / "bin"
        python = binaries / "python"
        (site,) = (home / "env" / "lib").glob("python*/site-packages")
        ours = sysconfig.get_path("purelib")
        (site / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
        for command, module in {"pip": "pip", "pytest": "pytest", "fcrbench": "fcrbench"}.items():
            script = binaries / command
            script.write_text(f'#!/bin/sh\nexec "{python}" -m {module} "$@"\n')
            script.chmod(0o755)
        # Neither a network nor a second download of the build backend.
        pip = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        self.environment = os.environ | pip | {"PATH": f"{binaries}:{os.environ['PATH']}"}
        self.environment |= {
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "200",
            "NO_COLOR": "1",
            "VIRTUAL_ENV": str(home / "env"),
        }
        for name in ("PYTHONPATH", "PYTHONHOME", "PYTEST_ADDOPTS"):
            self.environment.pop(name, None)

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def run(self, command: str) -> str:
        done = subprocess.run(
            command, shell=True, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def test_the_package_is_of_40_lines():
    files = files_of_the_guide()
    assert set(files) == {
        "pyproject.toml",
        "fcrbench_tiny/__init__.py",
        "fcrbench_tiny/method.py",
        "tests/test_tiny.py",
    }
    package = files["fcrbench_tiny/__init__.py"] + files["fcrbench_tiny/method.py"]
    assert sum(bool(line.strip()) for line in package.splitlines()) <= 40


def test_the_guide_names_every_test():
    from fcrbench.testing import MethodTests

    named = re.findall(r"^\| `(test_\w+)` \|", GUIDE.read_text(), re.M)
    assert set(named) == {name for name in dir(MethodTests) if name.startswith("test_")}


@pytest.mark.skipif(sys.platform == "win32", reason="the guide's commands are of a POSIX shell")
def test_the_guide_followed_to_the_letter(tmp_path):
    pytest.importorskip("hatchling", reason="the guide's package is built with it, and there is no network")
    user = NewUser(tmp_path)
    user.write(files_of_the_guide())
    install, listing, test, run, table = commands_of_the_guide()

    user.run(install)
    listed = user.run(listing)
    assert re.search(r"^tiny +fcrbench-tiny 0\.1 +5,2\d\d  The guide of fcrbench$", listed, re.M)
    assert re.search(r"--set options.width=16 +channels of every layer", listed)

    asked = len(re.findall(r"^\| `test_\w+` \|", GUIDE.read_text(), re.M))
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
