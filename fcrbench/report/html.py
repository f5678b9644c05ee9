"""Renders `report.html`: one self-contained page from the files of a run directory."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcrbench.datasets.base import Dataset
from fcrbench.work.atomic import write_text

if TYPE_CHECKING:
    from fcrbench.evaluation.record import RunRecord
    from fcrbench.report.pictures import Picture

THRESHOLDS = tuple(range(50, 100, 5))  # per cent, as in the column names ap_50 ... ap_95


@dataclass(frozen=True)
class Field:
    """One field that is shown in full: its place ("best"), its row of images.csv, and its picture."""

    place: str
    row: dict[str, Any]
    picture: "Picture"


@dataclass(frozen=True)
class Chart:
    """One figure of the page: inline SVG with a heading and a note."""

    heading: str
    note: str
    svg: str


def write_report(run_dir: Path, dataset: Dataset) -> Path:
    """Write `report.html` into a run directory, from its files and the fields of `dataset`.

    Returns the path of the page, which is written atomically. Raises DataError naming a file that is missing
    or cannot be read, and FcrbenchError if the page cannot be written.
    """
    from fcrbench.evaluation.record import read_run

    run_dir = Path(run_dir)
    page = render(read_run(run_dir), dataset)
    path = run_dir / "report.html"
    write_text(path, page)
    return path


def render(record: "RunRecord", dataset: Dataset) -> str:
    """Return the page."""
    from fcrbench.report import published, tables
    from fcrbench.report.templates import fill

    header, rows = tables.image_table(record)
    shown = choose_fields(record)
    return fill(
        "template.html.j2",
        t=tables,
        published=published,
        run=record,
        manifest=record.manifest,
        summary=record.summary,
        headline=tables.score_rows(record.summary, tables.HEADLINE),
        scores=tables.score_rows(record.summary),
        comparison=tables.comparison(record),
        score_charts=_score_charts(record, shown),
        training_charts=_training_charts(record),
        fields=[_field(record, dataset, place, row) for place, row in shown.items()],
        header=header,
        rows=rows,
        manifest_text=json.dumps(record.manifest, indent=2, ensure_ascii=False),
    )


def choose_fields(record: "RunRecord") -> dict[str, dict[str, Any]]:
    """Return the best, median and worst image by PQ, each image once. Images without a PQ are left out."""
    rows = {row["image"]: row for row in record.images}
    return {place: rows[image] for place, image in best_median_worst(rows).items()}


def best_median_worst(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return {place: image} for the best, median and worst "pq". The median is the lower of two."""
    ranked = [image for image, row in rows.items() if not math.isnan(row.get("pq", math.nan))]
    ranked.sort(key=lambda image: rows[image]["pq"])
    if not ranked:
        return {}
    return merge_places({"best": ranked[-1], "median": ranked[(len(ranked) - 1) // 2], "worst": ranked[0]})


def merge_places(places: Mapping[str, str]) -> dict[str, str]:
    """Merge the places that have the same image, as in "best and median"."""
    taken: dict[str, str] = {}
    for place, image in places.items():
        taken[image] = f"{taken[image]} and {place}" if image in taken else place
    return {place: image for image, place in taken.items()}


def _field(record: "RunRecord", dataset: Dataset, place: str, row: dict[str, Any]) -> Field:
    from fcrbench.report.pictures import picture

    sample = dataset.load(row["image"])
    prediction = record.read_prediction(row["image"], sample.labels.shape)
    return Field(place, row, picture(sample.image, sample.labels, prediction))


def _score_charts(record: "RunRecord", shown: dict[str, dict[str, Any]]) -> list[Chart]:
    import numpy as np

    from fcrbench.report import figures

    charts = []
    ranked = [row for row in record.images if not math.isnan(row.get("pq", math.nan))]
    if ranked and all(f"f1_{t}" in ranked[0] and f"ap_{t}" in ranked[0] for t in THRESHOLDS):
        f1, ap = (
            np.array([[row[f"{name}_{t}"] for t in THRESHOLDS] for row in ranked]) for name in ("f1", "ap")
        )
        charts.append(
            Chart(
                "By IoU threshold",
                "If many nuclei are missed, the curves are low on the left. If outlines are rough, the "
                "curves fall steeply on the right.",
                figures.iou_curve([t / 100 for t in THRESHOLDS], f1, ap),
            )
        )
    if ranked:
        pq = record.summary.get("metrics", {}).get("pq", {})
        interval = [_float(pq.get(name)) for name in ("mean", "low", "high")]
        charts.append(
            Chart(
                "By image",
                "PQ of every image, from worst to best.",
                figures.image_strip(
                    [row["pq"] for row in ranked],
                    (interval[0], interval[1], interval[2]),
                    {place: row["pq"] for place, row in shown.items()},
                ),
            )
        )
    return charts


def _training_charts(record: "RunRecord") -> list[Chart]:
    from fcrbench.report import figures

    history = record.history
    if not history:
        return []
    epochs = history["epoch"]
    known = {"epoch", "step", "seconds", "learning_rate"}
    losses = {name: values for name, values in history.items() if name not in known and name[:4] != "val_"}
    losses = {"loss": losses.pop("loss", [])} | losses if "loss" in losses else losses
    validation = {
        label: history[f"val_{name}"]
        for name, label in (("pq", "PQ"), ("f1", "F1@0.5"), ("ap", "AP"))
        if f"val_{name}" in history
    }
    charts = []
    if any(_any(values) for values in validation.values()):
        svg = figures.line_chart("validation", "Validation scores over the epochs", epochs, validation)
        charts.append(Chart("Validation", "On the images scored above, during training.", svg))
    if any(_any(values) for values in losses.values()):
        svg = figures.line_chart("loss", "Training loss over the epochs", epochs, losses)
        note = "Mean over each epoch" + (", with its terms." if len(losses) > 1 else ".")
        charts.append(Chart("Loss", note, svg))
    if _any(history.get("learning_rate", [])):
        rate = {"learning rate": history["learning_rate"]}
        svg = figures.line_chart("learning-rate", "Learning rate over the epochs", epochs, rate)
        charts.append(Chart("Learning rate", "At the end of each epoch.", svg))
    return charts


def _any(values: list[float]) -> bool:
    return any(math.isfinite(v) for v in values)


def _float(value: float | None) -> float:
    return math.nan if value is None else float(value)
