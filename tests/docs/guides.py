"""The pages that guide the author of a plug-in, and a new user who follows one of them to the letter."""

import os
import re
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


class Guide:
    """A page of the docs. It may be absent, where the tests are run without it."""

    def __init__(self, name: str) -> None:
        self.path = DOCS / name

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def files(self) -> dict[str, str]:
        """Text by path: a code block under a line that holds nothing but a path."""
        return dict(re.findall(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```", self.text, re.M | re.S))

    def commands(self) -> list[str]:
        """Every line of the sh blocks, in order."""
        blocks = re.findall(r"^```sh\n(.*?)^```", self.text, re.M | re.S)
        return "".join(blocks).splitlines()

    def tests(self) -> list[str]:
        """The tests in its table."""
        return re.findall(r"^\| `(test_\w+)` \|", self.text, re.M)

    def lines(self, package: str) -> int:
        """How many lines of the package's modules are not blank."""
        modules = "".join(text for path, text in self.files().items() if path.startswith(f"{package}/"))
        return sum(bool(line.strip()) for line in modules.splitlines())

    def new_user(self, home: Path) -> "NewUser":
        """A new user who has written the files of the page."""
        pytest.importorskip("hatchling", reason="the package is built with it, and there is no network")
        user = NewUser(home)
        user.write(self.files())
        return user


def names_of_tests(suite: type) -> set[str]:
    """The names of the tests of a class."""
    return {name for name in dir(suite) if name.startswith("test_")}


class NewUser:
    """A folder, and an environment in which the packages of this one are installed, and nothing else."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "package"
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
