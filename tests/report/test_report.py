import json
import math
import re
import shutil
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from fcrbench.datasets import Sample
from fcrbench.errors import DataError
from fcrbench.evaluation.record import read_run
from fcrbench.report import published, write_report
from fcrbench.report.html import choose_fields

VOID = {"meta", "img", "br", "input", "link"}


class Page(HTMLParser):
    """Elements with attributes and the text inside; complains about tags that do not close."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words = [], [], []
        self.feed(text)
        self.close()
        assert not self.open
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def page(run_dir, sample):
    return Page(write_report(run_dir, sample).read_text(encoding="utf-8"))


@pytest.fixture
def small(tmp_path, new_run, fields):
    """A run of two small fields, for tests of what does not depend on the pictures."""
    image = np.arange(1200, dtype=np.uint16).reshape(30, 40)
    dataset = fields({name: Sample(name, image, blocks(3)) for name in ("one", "two")})
    return new_run(tmp_path / "small", dataset, {"one": blocks(2), "two": blocks(3)}), dataset


def blocks(count):
    """(30, 40) with up to four objects in a row."""
    labels = np.zeros((30, 40), np.int32)
    for number in range(count):
        labels[4:12, 2 + 9 * number : 10 + 9 * number] = number + 1
    return labels


def test_the_page_asks_for_nothing_outside_itself(run_dir, sample):
    text = write_report(run_dir, sample).read_text(encoding="utf-8")
    page = Page(text)
    for tag, attributes in page.tags:
        assert "srcset" not in attributes
        assert attributes.get("src", "data:").startswith("data:")
        if tag not in ("a", "use"):
            assert "href" not in attributes
    assert not page.all("link")
    assert not re.search(r"@import|url\((?!#)", text)
    assert {a["href"] for a in page.all("a")} == {sample.source}
    assert len(text) < 4_000_000


def test_svg_ids_are_unique_references_resolve_and_the_charts_parse(run_dir, sample):
    text = write_report(run_dir, sample).read_text(encoding="utf-8")
    page = Page(text)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    references = set(re.findall(r"url\(#([^)]+)\)", text)) | {a["href"][1:] for a in page.all("use")}
    assert references
    assert references <= set(ids)
    charts = re.findall(r"<svg\b.*?</svg>", text, flags=re.DOTALL)
    assert len(charts) == 5
    for svg in charts:
        assert ET.fromstring(svg).get("aria-label")
        assert "<style" not in svg
        assert not re.search(r"#0[0-9]0[0-9]0[0-9]", svg), "a stand-in colour is left"


def test_the_figures_on_the_page_are_those_of_the_files(run_dir, page):
    summary = json.loads((run_dir / "summary.json").read_text())
    for name in ("pq", "f1", "aji", "dice2", "ap"):
        values = summary["metrics"][name]
        assert f"{values['mean']:.3f}" in page.text
        assert f"{values['low']:.3f}\N{EN DASH}{values['high']:.3f}" in page.text
        assert f"{summary['pooled'][name]:.3f}" in page.text
    table = pd.read_csv(run_dir / "images.csv")
    keys = [a["data-key"] for a in page.all("td") if "data-key" in a]
    assert len(keys) % len(table) == 0
    per_row = len(keys) // len(table)
    np.testing.assert_array_equal([float(k) for k in keys[::per_row]], table["pq"])
    for name in table["image"]:
        assert name in page.text
    assert "2,746,740" in page.text
    assert "2,150 images/s" in page.text
    assert "6.40 images/s" in page.text
    assert "5 min 12 s, 1,440 steps, 5,760 crops" in page.text


def test_the_papers_rows_stand_beside_with_what_each_was_measured_on(page):
    for row in published.TABLE_1:
        written = (
            f"{row.method} {row.dice2:.4f} {row.aji:.4f} {row.f1:.4f} {row.pq:.4f} {row.parameters:.1f} M"
        )
        assert written in page.text
    assert "Not directly comparable" in page.text
    assert "sample (split val, 5 images)" in page.text
    assert "BBBC006 (164 images)" in page.text


def test_every_picture_and_control_has_a_name(page):
    stacks = page.all("img")
    assert len(stacks) == 3 * 5
    assert all("alt" in image for image in stacks)
    assert sum(bool(image["alt"]) for image in stacks) == 3
    assert all(a.get("aria-label") for tag, a in page.tags if a.get("role") in ("region", "img"))
    assert [m for m in page.all("meta") if m.get("name") == "viewport"]


def test_the_page_does_not_change_from_one_writing_to_the_next(small):
    run_dir, dataset = small
    first = write_report(run_dir, dataset).read_bytes()
    assert write_report(run_dir, dataset).read_bytes() == first


def test_best_median_and_worst(run_dir):
    table = pd.read_csv(run_dir / "images.csv").sort_values("pq")
    chosen = choose_fields(read_run(run_dir))
    assert list(chosen) == ["best", "median", "worst"]
    assert [row["image"] for row in chosen.values()] == list(table["image"].iloc[[-1, 2, 0]])


@pytest.mark.parametrize(
    ("count", "places"), [(1, ["best and median and worst"]), (2, ["best", "median and worst"])]
)
def test_fewer_images_than_places_are_shown_once(run_dir, sample, count, places):
    table = pd.read_csv(run_dir / "images.csv").head(count)
    table.to_csv(run_dir / "images.csv", index=False)
    assert list(choose_fields(read_run(run_dir))) == places
    assert Page(write_report(run_dir, sample).read_text()).all("img")


def test_images_without_any_object_have_no_score_and_are_never_chosen(tmp_path, new_run, fields):
    image = np.arange(1200, dtype=np.uint16).reshape(30, 40)
    samples = {
        "empty": Sample("empty", image, blocks(0)),
        "full": Sample("full", image, blocks(3)),
        "lost": Sample("lost", image, blocks(2)),
    }
    predictions = {"empty": blocks(0), "full": blocks(2), "lost": blocks(0)}
    dataset = fields(samples)
    run = new_run(tmp_path / "run", dataset, predictions)
    record = read_run(run)
    assert math.isnan(record.images[0]["pq"])
    assert [row["image"] for row in choose_fields(record).values()] == ["full", "lost"]
    text = Page(write_report(run, dataset).read_text()).text
    assert "1 image without any object, true or found, has no score and is left out" in text


def test_a_run_where_every_image_is_empty(tmp_path, new_run, fields):
    dataset = fields({"a": Sample("a", np.zeros((30, 40), np.uint8), blocks(0))})
    page = Page(write_report(new_run(tmp_path / "run", dataset, {"a": blocks(0)}), dataset).read_text())
    assert "No image has a PQ" in page.text
    assert not page.all("img")
    assert "nan" not in page.text.lower().split()


def test_names_are_escaped(tmp_path, new_run, fields):
    name = "<script>alert(1)</script>&"
    dataset = fields({name.replace("/", "_"): Sample("x", np.zeros((30, 40)), blocks(3))})
    key = next(iter(dataset.fields))
    run = new_run(tmp_path / "run", dataset, {key: blocks(2)})
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["dataset"]["source"] = "javascript:alert(1)"
    manifest["command"] = "fcrbench run '<b>'"
    (run / "manifest.json").write_text(json.dumps(manifest))
    history = (run / "history.csv").read_text().replace("colour", "<i>$x^2&", 1)
    (run / "history.csv").write_text(history)
    page = Page(write_report(run, dataset).read_text())
    assert key in page.text
    assert len(page.all("script")) == 1
    assert not page.all("i")
    assert not page.all("a")


@pytest.mark.parametrize("missing", ["throughput", "training", "parameters", "pooled", "n_empty"])
def test_optional_parts_of_the_summary_may_be_missing(small, missing):
    run_dir, dataset = small
    summary = json.loads((run_dir / "summary.json").read_text())
    del summary[missing]
    (run_dir / "summary.json").write_text(json.dumps(summary))
    Page(write_report(run_dir, dataset).read_text())


def test_a_run_without_training(small):
    run_dir, dataset = small
    (run_dir / "history.csv").unlink()
    summary = json.loads((run_dir / "summary.json").read_text())
    del summary["training"]
    (run_dir / "summary.json").write_text(json.dumps(summary))
    (run_dir / "manifest.json").write_text("{}")
    page = Page(write_report(run_dir, dataset).read_text())
    assert len(page.all("svg")) == 2
    assert "Training" not in page.text


def test_weights_chosen_on_the_same_images_are_owned_up_to(small):
    run_dir, dataset = small
    sentence = "The weights were chosen by their PQ on these same images"
    assert sentence not in Page(write_report(run_dir, dataset).read_text()).text
    config = run_dir / "config.toml"
    config.write_text('evaluate = "best"\n' + config.read_text())
    assert sentence in Page(write_report(run_dir, dataset).read_text()).text


@pytest.mark.parametrize(
    "name", ["config.toml", "manifest.json", "summary.json", "images.csv", "predictions"]
)
def test_a_missing_file_is_named_and_an_earlier_page_stays(small, name):
    run_dir, dataset = small
    before = write_report(run_dir, dataset).read_bytes()
    path = run_dir / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(DataError, match=re.escape(str(path))):
        write_report(run_dir, dataset)
    assert (run_dir / "report.html").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("summary.json", '{"metrics": ', "not JSON"),
        ("summary.json", "{}", "expected an object 'metrics'"),
        ("summary.json", "[]", "expected a JSON object, found list"),
        ("config.toml", "method = ", "not TOML"),
        ("images.csv", "name,pq\na,1\n", "expected a column 'image'"),
        ("images.csv", "image,pq\na,good\n", "column 'pq': expected a number, found 'good'"),
        ("images.csv", "image,pq\na\n", "line 2"),
        ("history.csv", "step,loss\n1,2\n", "expected a column 'epoch'"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(small, name, content, message):
    run_dir, dataset = small
    (run_dir / name).write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        write_report(run_dir, dataset)
    assert str(run_dir / name) in str(caught.value)
    assert not (run_dir / "report.html").exists()


def test_a_prediction_of_another_shape_is_refused(run_dir, sample, sample_predictions):
    from fcrbench.io import write_labels

    for name in sample_predictions:
        write_labels(run_dir / "predictions" / f"{name}.tif", np.ones((20, 30), np.int32))
    with pytest.raises(DataError, match=r"shape \(20, 30\), expected the shape \(520, 696\)"):
        write_report(run_dir, sample)


def test_importing_the_overlay_brings_no_heavy_library():
    import subprocess
    import sys

    code = (
        "import sys; from fcrbench.report import overlay; "
        "print([m for m in ('matplotlib', 'jinja2', 'pandas', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
