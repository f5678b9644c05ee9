"""Builds the rows of the tables of a report, and formats their numbers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fcrbench.evaluation.record import RunRecord
from fcrbench.report import published

NONE = "\N{EN DASH}"

# name in the files -> (heading, definition)
SCORES = {
    "pq": ("PQ", "panoptic quality, SQ \N{MULTIPLICATION SIGN} RQ, at IoU > 0.5 (Kirillov et al. 2019)"),
    "sq": ("SQ", "mean IoU of the matched pairs at IoU > 0.5"),
    "rq": ("RQ", "recognition quality, equal to F1 at IoU > 0.5"),
    "f1": ("F1@0.5", "2 TP / (2 TP + FP + FN) at IoU > 0.5 (Caicedo et al. 2019)"),
    "precision": ("Precision", "TP / (TP + FP) at IoU > 0.5"),
    "recall": ("Recall", "TP / (TP + FN) at IoU > 0.5"),
    "ap": ("AP", "mean over IoU 0.50, 0.55 … 0.95 of TP / (TP + FP + FN); not COCO's"),
    "aji": ("AJI", "aggregated Jaccard index (Kumar et al. 2017)"),
    "aji_plus": ("AJI+", "AJI with a one-to-one assignment (Graham et al. 2019)"),
    "dice": ("Dice", "overlap of the foregrounds"),
    "dice2": ("Dice2", "ensemble Dice over all overlapping pairs (Vu et al. 2019)"),
}
TABLE_1_SCORES = ("dice2", "aji", "f1", "pq")
HEADLINE = ("pq", "f1", "aji", "dice2", "ap")
COUNTS = {
    "n_true": "True",
    "n_pred": "Found",
    "tp": "TP",
    "fp": "FP",
    "fn": "FN",
    "splits": "Splits",
    "merges": "Merges",
}


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One score of the data set as text: the mean over images, its interval, and the pooled value."""

    label: str
    definition: str
    mean: str
    interval: str
    pooled: str


@dataclass(frozen=True, slots=True)
class Score:
    """A score as text, with its interval and the spread of the seeds ("" if there is none)."""

    text: str
    interval: str = ""
    spread: str = ""
    bold: bool = False


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One row of the comparison with the paper. The scores are the columns of Table 1: Dice2, AJI, F1, PQ."""

    method: str
    scores: tuple[Score, ...]
    parameters: str
    postprocess: str


@dataclass(frozen=True, slots=True)
class ComparisonGroup:
    """Rows that were measured on the same images. `own` marks those of this run."""

    measured_on: str
    rows: list[ComparisonRow]
    own: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the table of images: its text, and the number by which it is sorted ("" = undefined)."""

    text: str
    key: str


def score_rows(summary: Mapping[str, Any], names: tuple[str, ...] = tuple(SCORES)) -> list[ScoreRow]:
    """Return the rows of those scores in `names` that the summary contains, in that order."""
    metrics, pooled = summary.get("metrics", {}), summary.get("pooled", {})
    rows = []
    for name in names:
        if name in metrics or name in pooled:
            label, definition = SCORES[name]
            of_images = metrics.get(name, {})
            rows.append(
                ScoreRow(
                    label,
                    definition,
                    number(of_images.get("mean")),
                    interval(of_images.get("low"), of_images.get("high")),
                    number(pooled.get(name)),
                )
            )
    return rows


def comparison(record: RunRecord) -> list[ComparisonGroup]:
    """Return the rows of this run (mean over images, then pooled) and those of the paper's Table 1."""
    summary = record.summary
    metrics, pooled = summary.get("metrics", {}), summary.get("pooled", {})
    means = []
    for name in TABLE_1_SCORES:
        of_images = metrics.get(name, {})
        text = number(of_images.get("mean"), 4)
        means.append(Score(text, interval(of_images.get("low"), of_images.get("high"))))
    size = parameters(summary.get("parameters"))
    speed = rate(summary.get("throughput", {}).get("postprocess_images_per_second"))
    own = [ComparisonRow("Mean over images", tuple(means), size, speed)]
    if pooled:
        own.append(
            ComparisonRow("Pooled", tuple(Score(number(pooled.get(n), 4)) for n in TABLE_1_SCORES), "", "")
        )
    data = record.manifest.get("dataset", {}).get("name", record.config.get("dataset", {}).get("name", ""))
    where = f"{data}, split {summary.get('split', '')}, {images(summary.get('n_images', 0))}"
    return [
        ComparisonGroup(f"This run, on {where}", own, own=True),
        ComparisonGroup(
            f"The paper's Table 1, on {published.DATASET}, {images(published.IMAGES)}",
            published_rows(),
            own=False,
        ),
    ]


def published_rows() -> list[ComparisonRow]:
    """Return the rows of the paper's Table 1."""
    return [
        ComparisonRow(
            row.method,
            tuple(Score(number(getattr(row, name), 4)) for name in TABLE_1_SCORES),
            f"{row.parameters:.1f} M",
            f"about {published.POSTPROCESS_IMAGES_PER_SECOND}" if row.method == "FCRNet" else "",
        )
        for row in published.TABLE_1
    ]


def image_table(record: RunRecord) -> tuple[list[str], list[list[Cell]]]:
    """Return header and rows of the table of images in the order of the split. The first column is the id."""
    present = record.images[0] if record.images else {}
    scores = [name for name in SCORES if name in present and name != "rq"]  # RQ is F1 at the same IoU
    counts = [name for name in COUNTS if name in present]
    header = ["Image", *(SCORES[name][0] for name in scores), *(COUNTS[name] for name in counts)]
    rows = []
    for row in record.images:
        cells = [Cell(row["image"], row["image"])]
        cells += [Cell(number(row[name]), _key(row[name])) for name in scores]
        cells += [Cell(number(row[name], 0), _key(row[name])) for name in counts]
        rows.append(cells)
    return header, rows


def number(value: float | None, digits: int = 3) -> str:
    """Format a number with fixed digits, or as a dash if it is missing or undefined."""
    return NONE if value is None or math.isnan(value) else f"{value:.{digits}f}"


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """Format both ends with an en dash between them. Return "" if there is no interval."""
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return ""
    return f"{low:.{digits}f}\N{EN DASH}{high:.{digits}f}"


def signed(value: float, digits: int = 3) -> str:
    """Format a number with its sign, unless it is 0 to these digits, or as a dash if it is undefined."""
    if math.isnan(value):
        return NONE
    text = f"{value:+.{digits}f}"
    return text.replace("-", "\N{MINUS SIGN}") if float(text) else text[1:]


def rate(value: float | None) -> str:
    """Format images per second with two or three significant digits and separated thousands."""
    if value is None or math.isnan(value):
        return NONE
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def parameters(value: int | None) -> str:
    """Format the parameters of a network in millions, as Table 1 does."""
    return NONE if value is None else f"{value / 1e6:.1f} M"


def images(count: int) -> str:
    """Format a number of images as `1 image` or `164 images`."""
    return f"{count:,} image{'' if count == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """Format a duration as `1 h 02 min`, `5 min 07 s` or `42 s`."""
    if seconds is None or math.isnan(seconds):
        return NONE
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _key(value: float) -> str:
    return "" if math.isnan(value) else repr(value)
