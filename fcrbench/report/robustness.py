"""Writes the files of `fcrbench robustness`: a table of the curves, a table of the images, and a page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcrbench.datasets.base import Dataset
from fcrbench.evaluation.robustness import METRICS, Corruption, Point
from fcrbench.report import figures, tables
from fcrbench.report.html import Chart
from fcrbench.report.pictures import MAX_WINDOW, outlined_window
from fcrbench.report.templates import fill
from fcrbench.work.atomic import write_table, write_text

if TYPE_CHECKING:
    import pandas as pd

LABELS = {"ap": "AP", "f1": "F1@0.5"}
EQUAL = 0.01  # AP; 8-bit images should differ from their originals by no more than this


@dataclass(frozen=True)
class Row:
    """One level as text: for each score its value and its difference."""

    level: str
    cells: list[tuple[tables.Score, tables.Score]]


@dataclass(frozen=True)
class Section:
    """One corruption on the page. `pictures` are (level, PNG data URI, number of objects) of one field."""

    corruption: Corruption
    chart: Chart
    rows: list[Row]
    pictures: list[tuple[str, str, int]]


def curves_as_table(points: Sequence[Point]) -> "pd.DataFrame":
    """Return one row per level: corruption, unit, level, n_images, scores with intervals and differences."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for point in points:
        row: dict[str, Any] = {
            "corruption": point.corruption.name,
            "unit": point.corruption.unit,
            "level": point.level,
            "n_images": len(point.table),
        }
        for name in METRICS:
            of, less = point.metrics[name], point.differences[name]
            row |= {name: of["mean"], f"{name}_low": of["low"], f"{name}_high": of["high"]}
            row |= {f"{name}_difference": less["difference"]}
            row |= {f"{name}_difference_{end}": less[end] for end in ("low", "high")}
        rows.append(row)
    return pd.DataFrame(rows)


def write(points: Sequence[Point], dataset: Dataset, what: dict[str, Any], folder: Path) -> None:
    """Write robustness.csv, images.csv and robustness.html into `folder`.

    what   title, weights, sha256, split, n_images, seed and manifest of the page
    """
    import pandas as pd

    images = [
        point.table.assign(corruption=point.corruption.name, level=point.level).set_index(
            ["corruption", "level"]
        )
        for point in points
    ]
    write_table(folder / "robustness.csv", curves_as_table(points))
    write_table(folder / "images.csv", pd.concat(images).reset_index())
    write_text(folder / "robustness.html", render(points, dataset, what))


def render(points: Sequence[Point], dataset: Dataset, what: dict[str, Any]) -> str:
    """Return the page."""
    by_name: dict[str, list[Point]] = {}
    for point in points:
        by_name.setdefault(point.corruption.name, []).append(point)
    return fill(
        "robustness.html.j2",
        t=tables,
        dataset=dataset,
        what=what,
        sections=[_make_section(of) for of in by_name.values()],
        labels=LABELS,
        eight_bits=describe_eight_bits(points),
        field=points[0].shown.id,
    )


def describe_eight_bits(points: Sequence[Point]) -> str:
    """Return a sentence that compares 8-bit images with their originals, or "" if they were not measured."""
    for point in points:
        if (point.corruption.name, point.level) == ("bits", 8) and point.corruption.neutral != 8:
            less = point.differences["ap"]
            ends = f" ({_format_interval(less, 4)})" if _format_interval(less) else ""
            return (
                f"8-bit images against the {point.corruption.neutral:g}-bit ones they were made from: AP "
                f"{tables.signed(less['difference'], 4)}{ends}, {_verdict(less)}."
            )
    return ""


def _verdict(less: dict[str, float]) -> str:
    """Say whether a difference is within EQUAL, as far as its interval shows."""
    low, high = less["low"], less["high"]
    if low >= -EQUAL and high <= EQUAL:
        return f"within {EQUAL:g}"
    if high < -EQUAL or low > EQUAL:
        return f"not within {EQUAL:g}"
    return f"too few images to tell whether within {EQUAL:g}"  # also for one image, which has no interval


def _make_section(points: Sequence[Point]) -> Section:
    corruption = points[0].corruption
    levels = [point.level for point in points]
    series = {
        label: [tuple(point.metrics[name][key] for key in ("mean", "low", "high")) for point in points]
        for name, label in LABELS.items()
    }
    svg = figures.level_curve(
        f"robust-{corruption.name}",
        corruption.title,
        levels,
        [_format_level(level) for level in levels],
        series,
        corruption.unit,
        corruption.neutral,
        corruption.log,
    )
    rows = [_make_row(point) for point in points]
    pictures = []
    for point in points:
        factor = point.level if corruption.name == "scale" else 1.0
        png = outlined_window(point.shown.image, point.labels, point.shown.labels, round(MAX_WINDOW * factor))
        pictures.append((_format_level(point.level), png, int(point.labels.max(initial=0))))
    return Section(corruption, Chart(corruption.title, corruption.note, svg), rows, pictures)


def _make_row(point: Point) -> Row:
    unchanged = point.level == point.corruption.neutral
    cells = []
    for name in METRICS:
        of, less = point.metrics[name], point.differences[name]
        score = tables.Score(tables.number(of["mean"]), tables.interval(of["low"], of["high"]))
        difference = tables.Score(tables.signed(less["difference"]), _format_interval(less))
        cells.append((score, tables.Score(tables.NONE) if unchanged else difference))
    return Row(_format_level(point.level) + (" (unchanged)" if unchanged else ""), cells)


def _format_interval(less: dict[str, float], digits: int = 3) -> str:
    """Return both ends of an interval as text, or "" if there is none."""
    if math.isnan(less["low"]):
        return ""
    return f"{tables.signed(less['low'], digits)} to {tables.signed(less['high'], digits)}"


def _format_level(level: float) -> str:
    """Format a level as `0.67`, `5` or `1/16`."""
    return f"1/{1 / level:g}" if 0 < level < 1 and (1 / level).is_integer() else f"{level:g}"
