"""docs/paper.md against the code: the places and options it names exist, its figures come out."""

import ast
import dataclasses
import re
from pathlib import Path

import pytest

from fcrbench.config import TrainingConfig
from fcrbench.methods import registry
from fcrbench.methods.fcrnet.spec import SPEC, FCRNetOptions
from fcrbench.methods.listing import format_setting
from fcrbench.report.published import TABLE_1

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "paper.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="no docs folder beside the tests")


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text()


def names_in(path):
    """Classes, functions, methods and assigned names of a module, as "Class.method"."""
    found = set()

    def visit(body, prefix):
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                found.add(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                visit(node.body, f"{prefix}{node.name}.")
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            found.update(prefix + target.id for target in targets if isinstance(target, ast.Name))

    visit(ast.parse(path.read_text()).body, "")
    return found


def test_every_place_in_the_code_exists(page):
    places = re.findall(r"`([\w/]+\.py)(?:: ([\w., ]+))?`", page)
    assert len(places) > 30
    for path, names in places:
        assert (ROOT / path).is_file(), path
        missing = set(filter(None, names.split(", "))) - names_in(ROOT / path)
        assert not missing, f"{path} has no {missing}"


def test_every_row_of_the_method_and_experiments_names_its_place(page):
    body = page.partition("## Method")[2].partition("## Results")[0]
    rows = [line for line in body.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if not row.startswith("| the paper")]
    assert len(rows) > 30
    for row in rows:
        assert re.match(r"\| .* \| `[\w/]+\.py.*` \| .* \|$", row), row


def test_every_option_it_names_exists(page):
    known = {
        "options": {field.name for field in dataclasses.fields(FCRNetOptions)},
        "training": {field.name for field in dataclasses.fields(TrainingConfig)},
    }
    named = re.findall(r"(?<![\w.])(options|training)\.(\w+)", page.replace("fcrbench.training", ""))
    assert len(named) > 20
    for table, name in named:
        assert name in known[table], f"{table}.{name}"
    for name, value in re.findall(r"`options\.(\w+)=([\w-]+)`", page):
        assert value in str(FCRNetOptions.__annotations__[name]), f"{name}={value}"


def test_the_presets_differ_as_it_says(page):
    def values(name):
        preset = SPEC.presets[name]
        filled = registry.build_options(SPEC, name, {})
        options = {f"options.{key}": value for key, value in dataclasses.asdict(filled).items()}
        return options | {f"training.{key}": value for key, value in preset.training.items()}

    paper, authors = values("paper"), values("authors")
    assert paper.keys() == authors.keys()
    rows = [
        f"| `{key}` | {format_setting(value)} | {format_setting(authors[key])} |"
        for key, value in paper.items()
        if value != authors[key]
    ]
    assert rows == re.findall(r"^\| `(?:options|training)\.\w+` \| .*$", page, re.M)


def test_the_readings_it_gives_as_settings_are_taken(page):
    (command,) = re.findall(r"`fcrbench run (--preset paper.*?)`", page.replace("\n", " "))
    settings = dict(re.findall(r"--set options\.(\w+)=(\w+)", command))
    assert settings
    registry.build_options("fcrnet", "paper", settings)


def test_its_code_prints_what_it_says(page, capsys):
    pytest.importorskip("fcrbench_baselines")
    parameters, objects = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    exec(compile(parameters, "docs/paper.md", "exec"), {})
    counted = dict(line.rsplit(" ", 1) for line in capsys.readouterr().out.splitlines())
    table = re.findall(r"^\| ([\w ]+) \| ([\d.]+) \| ([\d,]+) \|$", page, re.M)
    assert counted == {title: count for title, _, count in table}
    for row, (title, printed, count) in zip(TABLE_1, table, strict=True):
        assert (row.method, row.parameters) == (title, float(printed))
        assert int(count.replace(",", "")) // 100_000 == round(10 * row.parameters)  # cut, not rounded
    exec(compile(objects, "docs/paper.md", "exec"), {})
    (expected,) = re.findall(r"^```text\n(.*?)^```", page, re.M | re.S)
    assert capsys.readouterr().out == expected
