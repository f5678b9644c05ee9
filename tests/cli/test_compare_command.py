"""`fcrbench compare`: figures in every format against the runs' own files, and what it refuses."""

import json
import re
import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest
import tomlkit
from command_line import TINY, Cli, files, only

from fcrbench import metrics
from fcrbench.comparison import compare_runs
from fcrbench.errors import DataError, UsageError
from fcrbench.report.comparison import notes
from fcrbench.report.comparison_files import markdown

SCORES = ["dice2", "aji", "f1", "pq", "sq", "rq", "ap"]
COUNTS = ["splits", "merges"]


@pytest.fixture(scope="session")
def runs(tmp_path_factory, trained):
    """Two seeds of fcrnet and one run with another option, on the same fields."""
    folder = tmp_path_factory.mktemp("compared")
    cli = Cli(folder)
    cli("run", *TINY, "--epochs", 2, "--seed", 1, "--output", "second")
    cli("run", *TINY, "--epochs", 2, "--set", "options.colors=3", "--output", "three")
    return [trained, only(folder / "second"), only(folder / "three")]


@pytest.fixture
def copied(runs, tmp_path):
    """Copies of the first and the last run, to be damaged."""
    for name, run in zip("ab", (runs[0], runs[2]), strict=True):
        shutil.copytree(run, tmp_path / name, ignore=shutil.ignore_patterns("weights", "checkpoints"))
    return tmp_path / "a", tmp_path / "b"


@pytest.fixture(scope="session")
def compared(runs, tmp_path_factory):
    """The folder that compare wrote, and what it printed."""
    folder = tmp_path_factory.mktemp("tables")
    cli = Cli(folder)
    cli.environment |= {"COLUMNS": "300"}
    done = cli("compare", *runs, "-o", "out")
    return folder / "out", done.stdout


def means(run):
    """Every score as pandas takes its mean from images.csv."""
    return pd.read_csv(run / "images.csv").mean(numeric_only=True)


def change(path, **values):
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | values))


class Rows(HTMLParser):
    """The rows of all tables of a page as lists of cell texts, lines apart by a bar."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.inside = [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True
        elif tag == "br" and self.inside:
            self.rows[-1][-1] += "|"

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][-1] += data.strip()


def test_the_csv_holds_the_means_of_the_runs_in_full(runs, compared):
    table = pd.read_csv(compared[0] / "table.csv")
    ours = table[table["source"] == "measured"].set_index("label")
    assert list(ours.index) == ["fcrnet", "fcrnet colors=3"]
    assert ours.loc["fcrnet", "seeds"] == "0 1"
    first, second, three = map(means, runs)
    for name in SCORES + COUNTS:
        assert ours.loc["fcrnet", name] == pytest.approx((first[name] + second[name]) / 2)
        assert ours.loc["fcrnet", f"{name}_sd"] == pytest.approx(
            pd.Series([first[name], second[name]]).std(), abs=1e-12
        )
        assert ours.loc["fcrnet colors=3", name] == pytest.approx(three[name])
        assert pd.isna(ours.loc["fcrnet colors=3", f"{name}_sd"])
    summary = json.loads((runs[2] / "summary.json").read_text())
    for name in SCORES:  # one seed: the very interval of the run's own report
        for end in ("low", "high"):
            assert ours.loc["fcrnet colors=3", f"{name}_{end}"] == pytest.approx(
                summary["metrics"][name][end]
            )
    assert list(ours["parameters"]) == [2_748_692, 2_748_547]
    assert set(ours["training_crops"]) == {12}
    assert set(ours["training_crop_px"]) == {32}


def test_differences_are_paired_over_the_images(runs, compared):
    ours = pd.read_csv(compared[0] / "table.csv").set_index("label")
    seeds = pd.concat([pd.read_csv(run / "images.csv") for run in runs[:2]])
    reference = seeds.groupby("image", sort=False, as_index=False).mean()
    three = pd.read_csv(runs[2] / "images.csv")
    expected = metrics.compare(three, reference)["metrics"]
    for name in SCORES:
        row = ours.loc["fcrnet colors=3"]
        assert row[f"{name}_difference"] == pytest.approx(expected[name]["difference"], abs=1e-12)
        assert row[f"{name}_difference_low"] == pytest.approx(expected[name]["low"], abs=1e-12)
        assert row[f"{name}_difference_high"] == pytest.approx(expected[name]["high"], abs=1e-12)
        assert pd.isna(ours.loc["fcrnet", f"{name}_difference"])


def expected_cells(runs):
    """Of each row the printed means and spreads, from images.csv."""
    first, second, three = map(means, runs)
    cells = {"fcrnet, 2 seeds": [], "fcrnet colors=3": []}
    for name in SCORES + COUNTS:
        digits = 2 if name in COUNTS else 4
        pair = pd.Series([first[name], second[name]])
        cells["fcrnet, 2 seeds"].append(
            (f"{pair.mean():.{digits}f}", f"\N{PLUS-MINUS SIGN} {pair.std():.{digits}f}")
        )
        cells["fcrnet colors=3"].append((f"{three[name]:.{digits}f}", ""))
    return cells


def test_markdown_html_and_latex_hold_the_same_figures(runs, compared):
    cells = expected_cells(runs)
    markdown = (compared[0] / "table.md").read_text()
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in reversed(markdown.splitlines())}
    html = Rows((compared[0] / "table.html").read_text()).rows
    latex = (compared[0] / "table.tex").read_text()
    for label, values in cells.items():
        wide = rows[label].removesuffix(" |").split(" | ")[1:]
        assert len(wide) == 14
        of_page = [row[1:] for row in html if row and row[0] == label]
        line = next(line for line in latex.splitlines() if line.startswith(f"{label} & "))
        of_latex = [
            re.sub(r"\\textbf\{(.*)\}", r"\1", cell) for cell in line.removesuffix(r" \\").split(" & ")[1:]
        ]
        columns = [*wide[:4], *wide[5:10]]
        on_page = [*of_page[0][:4], *of_page[1]]
        in_latex = [*of_latex[:4], *of_latex[5:10]]
        for (value, spread), a, b, c in zip(values, columns, on_page, in_latex, strict=True):
            assert a.replace("*", "").split("<br>")[0] == value
            assert b.split("|")[0] == value
            assert c == value
            assert a.endswith(spread)
            assert b.endswith(spread)
    best = max(cells, key=lambda label: float(cells[label][3][0]))
    assert f"**{cells[best][3][0]}**" in rows[best]
    assert rf"\textbf{{{cells[best][3][0]}}}" in latex


def test_latex_rows_have_as_many_cells_as_the_table_columns(compared):
    text = (compared[0] / "table.tex").read_text()
    tables = re.findall(r"\\begin\{tabular\}\{(l?r*)\}(.*?)\\end\{tabular\}", text, flags=re.DOTALL)
    assert [len(columns) for columns, _ in tables] == [15, 8, 6]
    for columns, body in tables:
        for line in body.strip().splitlines():
            if not line.startswith("\\"):
                assert line.count(" & ") == len(columns) - 1
                assert line.endswith(r" \\")
    assert "_" not in re.sub(r"\\_", "", text)
    assert text.count("{") == text.count("}")


def test_the_terminal_shows_every_score_and_fits_into_80_columns(runs, compared, cli):
    for label, values in expected_cells(runs).items():
        lines = [line for line in compared[1].splitlines() if line.strip().startswith(f"{label}  ")]
        numbers = " ".join(lines[:2])
        for value, _ in values:
            assert value in numbers
    cli.environment |= {"COLUMNS": "80"}
    narrow = cli("compare", *runs).stdout
    assert max(map(len, narrow.splitlines())) <= 80
    for values in expected_cells(runs).values():
        for value, spread in values:
            assert value in narrow
            assert spread in narrow
    assert not list(cli.folder.iterdir())


def test_the_papers_rows_stand_apart(compared):
    folder, printed = compared
    for text in ((folder / "table.md").read_text(), (folder / "table.tex").read_text(), printed):
        assert "Published: the paper's Table 1, measured on BBBC006 (164 images)" in text
        assert text.index("fcrnet colors=3") < text.index("Published") < text.index("Harmonic Embedding")
        assert "not comparable" in text
    table = pd.read_csv(folder / "table.csv")
    theirs = table[table["source"] == "published"]
    assert set(theirs["data"]) == {"BBBC006"}
    assert theirs.set_index("label").loc["FCRNet", "pq"] == 0.7753


def test_the_page_shows_fields_side_by_side_and_asks_for_nothing_outside(runs, compared):
    text = (compared[0] / "table.html").read_text()
    images = re.findall(r'<img src="([^"]*)"[^>]* alt="([^"]*)"', text)
    assert all(source.startswith("data:image/png") for source, _ in images)
    assert not re.search(r"https?://(?!www\.w3\.org)", text.replace("https://example.org", ""))
    fields = set(re.findall(r"Field (\S+) with its truth", text))
    assert fields <= set(pd.read_csv(runs[0] / "images.csv")["image"])
    assert fields
    for field in fields:
        for label in ("fcrnet", "fcrnet colors=3"):
            assert any(alt.startswith(f"Field {field} segmented by {label}: ") for _, alt in images)


def test_the_reference_can_be_chosen(runs, cli):
    out = cli("compare", *runs, "--against", runs[2], "-o", "out")
    assert "Differences to fcrnet colors=3" in out.stdout
    table = pd.read_csv(cli.folder / "out" / "table.csv").set_index("label")
    difference = table.loc["fcrnet", "pq"] - table.loc["fcrnet colors=3", "pq"]
    assert table.loc["fcrnet", "pq_difference"] == pytest.approx(difference)
    assert compare_runs(runs, "fcrnet colors=3").reference.label == "fcrnet colors=3"


def test_one_run_alone_has_no_differences(runs):
    text = markdown(compare_runs(runs[2:]))
    assert text.startswith("**1 method on synthetic, split val, 2 images**")
    assert "Differences" not in text


def test_rows_are_told_apart_by_what_differs(copied, cli):
    for run, rate in zip(copied, (0.001, 0.002), strict=True):
        config = tomlkit.parse((run / "config.toml").read_text())
        config["options"]["colors"] = 4
        config["training"]["learning_rate"] = rate
        (run / "config.toml").write_text(tomlkit.dumps(config))
    labels = [row.label for row in compare_runs(copied).rows]
    assert labels == ["fcrnet learning_rate=0.001", "fcrnet learning_rate=0.002"]
    line = cli.fails("compare", *copied, "--against", "fcrnet", code=2)
    assert "fcrnet learning_rate=0.001, fcrnet learning_rate=0.002" in line


def test_unequal_budgets_are_said(copied):
    def said():
        return " ".join(notes(compare_runs(copied)))

    assert "Every trained method saw 12 crops of 32 \N{MULTIPLICATION SIGN} 32 pixels." in said()
    config = tomlkit.parse((copied[1] / "config.toml").read_text())
    config["training"]["crop"] = 64
    (copied[1] / "config.toml").write_text(tomlkit.dumps(config))
    assert "training budgets are not equal" in said()


def test_a_run_without_parameters_has_neither_size_nor_budget(copied):
    change(copied[1] / "summary.json", parameters=0, training={"seconds": 0.0, "steps": 0, "crops": 0})
    rows = markdown(compare_runs(copied)).splitlines()
    cells = next(line for line in rows if line.startswith("| fcrnet colors=3 ")).strip("| ").split(" | ")
    assert (cells[5], cells[13], cells[14]) == ("\N{EN DASH}",) * 3


def test_what_is_not_on_the_same_fields_is_refused(copied, cli):
    a, b = copied
    manifest = json.loads((b / "manifest.json").read_text())

    def refused(words, **dataset):
        change(b / "manifest.json", dataset=manifest["dataset"] | dataset)
        with pytest.raises(DataError, match=re.escape(f"{b} cannot be compared with {a}: {words}")):
            compare_runs([a, b])

    splits, hashes = manifest["dataset"]["splits"], manifest["dataset"]["sha256"]
    refused("data set bbbc039, not synthetic", name="bbbc039")
    refused("pixels or labels of split 'val', by sha256, ", sha256=hashes | {"val": "0" * 64})
    refused("pixels or labels of split 'train', by sha256, ", sha256=hashes | {"train": "0" * 64})
    refused("fields in split 'train' 1, not 3", splits=splits | {"train": splits["train"][:1]})
    change(b / "manifest.json", dataset=manifest["dataset"] | {"sha256": {}})
    assert "expected the sha256 of split 'val'" in cli.fails("compare", a, b, "-o", "out")
    assert not (cli.folder / "out").exists()


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("config.toml", "is not a run directory: no config.toml"),
        ("summary.json", "is not finished: no summary.json in it; finish it with: fcrbench run --resume"),
        ("manifest.json", "manifest.json: cannot be read"),
        ("images.csv", "images.csv: cannot be read"),
    ],
)
def test_a_missing_file_is_named_and_nothing_written(copied, cli, missing, words):
    path = copied[1] / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    line = cli.fails("compare", *copied, "-o", "out")
    assert str(copied[1]) in line
    assert words in line
    assert not (cli.folder / "out").exists()


def test_fields_that_cannot_be_shown_are_listed_and_the_tables_are_written(copied, cli):
    cli("compare", *copied, "-o", "whole")
    folder = copied[1] / "predictions"
    lost = sorted(folder.iterdir())[0]
    lost.unlink()
    line = cli.fails("compare", *copied, "-o", "out", code=3)
    assert "images could not be shown: " in line
    assert str(lost) in line
    out, whole = files(cli.folder / "out"), files(cli.folder / "whole")
    assert lost.stem in out.pop("failed.csv").decode()
    assert "Not shown: " in out["table.html"].decode()
    assert out.keys() == whole.keys()
    for name in ("table.md", "table.tex", "table.csv"):
        assert out[name] == whole[name]


def test_a_table_that_lost_a_row_is_named(copied, cli):
    path = copied[1] / "images.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    line = cli.fails("compare", *copied)
    assert f"{path}: expected one row for each of the 2 fields of split 'val', found 1 rows" in line


def test_the_same_run_twice_is_refused(runs, copied, cli):
    with pytest.raises(UsageError, match="given twice"):
        compare_runs([runs[0], runs[0]])
    with pytest.raises(UsageError, match="same configuration and seed 0"):
        compare_runs([runs[0], copied[0]])
    assert "'dcn'" in cli.fails("compare", *runs, "--against", "dcn", code=2)
