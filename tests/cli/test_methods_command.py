"""`fcrbench methods`: what it lists, and that a broken plug-in breaks nothing else."""

import re

import pytest
from command_line import TINY, Cli

import fcrbench

SPEC = """
from dataclasses import dataclass
from fcrbench.methods import MethodSpec, Preset

@dataclass(frozen=True)
class Options:
    \"\"\"Options of a plug-in.

    width, depth  channels
                  of the trunk
    \"\"\"

    width: int = 4
    depth: int = 1

def spec(name, factory):
    return MethodSpec(name, "a plug-in", "Nobody 2026", factory, Options, {"default": Preset("as it is")})

GOOD = spec("good", "plugged:Good")
VALUES = spec("values", "plugged:LooksAtValues")
UNBUILDABLE = spec("unbuildable", "plugged:Absent")
SHADOW = spec("fcrnet", "plugged:Good")
NOT_A_SPEC = {"name": "x"}
"""

PLUGGED = """
from torch import nn
from fcrbench.methods import Method

class Good(Method):
    def build(self):
        return nn.Conv2d(1, self.options.width, 3)
    def losses(self, output, labels, progress): ...
    def scores(self, output): ...
    def postprocess(self, scores): ...

class LooksAtValues(Good):
    def build(self):
        network = super().build()
        assert float(network.weight.abs().max()) > 0
        return network
"""


class Site:
    """A folder of installed packages, found through PYTHONPATH."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()

    def install(self, distribution, files, entry_points):
        for name, text in files.items():
            (self.folder / name).write_text(text)
        info = self.folder / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        lines = "\n".join(f"{name} = {where}" for name, where in entry_points.items())
        (info / "entry_points.txt").write_text(f"[fcrbench.methods]\n{lines}\n")


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "site")


@pytest.fixture
def cli(tmp_path, site):
    cli = Cli(tmp_path, fresh=True)
    cli.environment |= {"PYTHONPATH": str(site.folder)}
    return cli


def without_torch(site):
    """As on a machine where it is not installed; it also makes the listing quick."""
    (site.folder / "torch.py").write_text("raise ModuleNotFoundError('No module named torch', name='torch')")


def row(text, name):
    (line,) = re.findall(rf"^{name} +(\S+ \S+) +(\S+)  (.*)$", text, re.M)
    return line


def test_the_table_has_package_parameters_and_paper(cli, site):
    entry_points = {name: f"described:{name.upper()}" for name in ("good", "values", "unbuildable")}
    site.install("fcr-good", {"described.py": SPEC, "plugged.py": PLUGGED}, entry_points)
    done = cli("methods")
    assert done.stdout.splitlines()[0].split() == ["name", "package", "parameters", "paper"]
    package, parameters, paper = row(done.stdout, "fcrnet")
    assert (package, parameters) == (f"fcrbench {fcrbench.__version__}", "2,748,692")
    assert paper.startswith("Cao & Yan")
    # A network that cannot be built on the meta device is counted where it is.
    assert row(done.stdout, "good") == row(done.stdout, "values") == ("fcr-good 1.2", "40", "Nobody 2026")
    assert row(done.stdout, "unbuildable")[1] == "-"
    (line,) = [line for line in done.stderr.splitlines() if "unbuildable" in line]
    assert line.startswith("fcrbench: warning: method 'unbuildable' cannot be built: AttributeError")


def test_presets_and_options_stand_with_their_meaning(cli, site):
    site.install("fcr-good", {"described.py": SPEC, "plugged.py": PLUGGED}, {"good": "described:GOOD"})
    without_torch(site)
    text = cli("methods", "good").stdout
    assert "fcrnet" not in text
    assert re.search(r"--preset default +as it is\n", text)
    assert re.search(r"--set options.width=4 +channels of the trunk\n", text)
    assert re.search(r"--set options.depth=1 +channels of the trunk\n", text)
    assert "did you mean 'good'" in cli.fails("methods", "goood", code=2)


BROKEN = {  # entry point: what it names, and what is said of it
    "absent": ("needs_absent:SPEC", "ModuleNotFoundError: No module named 'absent_library'"),
    "syntax": ("is_no_python:SPEC", "SyntaxError: invalid syntax"),
    "raises": ("raises:SPEC", "RuntimeError: two lines"),
    "exits": ("exits:SPEC", "SystemExit: 3"),
    "nothing": ("nothing:SPEC", "AttributeError: module 'nothing' has no attribute 'SPEC'"),
    "other": ("described:NOT_A_SPEC", "TypeError: described:NOT_A_SPEC is a dict, expected a MethodSpec"),
    "fcrnet": ("described:SHADOW", f"fcrbench {fcrbench.__version__} has a method of that name"),
}


def test_each_broken_plug_in_is_one_line_on_stderr(cli, site):
    without_torch(site)
    files = {
        "needs_absent.py": "import absent_library",
        "is_no_python.py": "def f(:",
        "raises.py": "raise RuntimeError('two\\nlines')",
        "exits.py": "raise SystemExit(3)",
        "nothing.py": "",
        "described.py": SPEC,
    }
    entry_points = {name: where for name, (where, _) in BROKEN.items()} | {"good": "described:GOOD"}
    site.install("a-broken-one", files, entry_points)
    done = cli("methods")
    lines = [line for line in done.stderr.splitlines() if "a-broken-one" in line]
    assert len(lines) == len(BROKEN)
    for name, (_, reason) in BROKEN.items():
        (line,) = [line for line in lines if f"method {name!r} " in line]
        assert line.startswith(f"fcrbench: warning: method {name!r} of a-broken-one 1.2 is left out: ")
        assert reason in line
    assert "Traceback" not in done.stderr
    assert "Warning:" not in done.stderr
    assert set(re.findall(r"^(\w+) +a-broken-one", done.stdout, re.M)) == {"good"}
    assert row(done.stdout, "fcrnet")[0] == f"fcrbench {fcrbench.__version__}"


def test_without_torch_methods_are_listed_without_a_count(cli, site):
    without_torch(site)
    assert row(cli("methods").stdout, "fcrnet")[1] == "-"


def test_a_broken_plug_in_does_not_keep_others_from_running(cli, site):
    site.install("a-broken-one", {"broken.py": "import absent_library"}, {"broken": "broken:SPEC"})
    done = cli("run", *TINY, "--epochs", 1)
    assert "report.html" in done.stdout
    assert sum("a-broken-one" in line for line in done.stderr.splitlines()) == 1
