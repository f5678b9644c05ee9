"""Renders `table.html`: a comparison as one self-contained page that shows how methods segment fields."""

import math
import statistics
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from fcrbench.comparison.rows import Comparison, Row
from fcrbench.datasets.base import Dataset
from fcrbench.report import comparison as texts
from fcrbench.report import tables
from fcrbench.report.html import Chart, best_median_worst, merge_places
from fcrbench.report.templates import fill
from fcrbench.work.failures import Failure, Failures, attempt

if TYPE_CHECKING:
    from fcrbench.report.pictures import Picture

# Side of the shown part of a field in pixels. About a quarter of the width of the page.
WINDOW = 240


@dataclass(frozen=True)
class Panel:
    """One field as one method segmented it."""

    label: str
    pq: float
    picture: "Picture"


@dataclass(frozen=True)
class ShownField:
    """One field: why it was chosen, its id, and a panel for each method."""

    place: str
    image: str
    panels: list[Panel]


def render(comparison: Comparison, dataset: Dataset, failures: Failures) -> str:
    """Return the page. Fields are read from `dataset`, and `failures` receives those that cannot be shown."""
    fields = []
    for place, image in choose_fields(comparison).items():
        shown = attempt(partial(_show_field, comparison, dataset, place, image), f"field {image}")
        if isinstance(shown, Failure):
            failures.add(image, shown)
        else:
            fields.append(shown)
    not_shown = [f"Not shown: {reason}" for reason in failures.reasons.values()]
    return fill(
        "comparison.html.j2",
        t=tables,
        title=texts.title(comparison),
        where=texts.measured_on(comparison),
        notes=[*texts.notes(comparison), *not_shown],
        measured=texts.measured_blocks(comparison),
        differences=texts.differences_block(comparison),
        published=texts.published_block(),
        charts=_charts(comparison),
        fields=fields,
        rows=comparison.rows,
        several_seeds=any(len(row.runs) > 1 for row in comparison.rows),
        dataset=comparison.rows[0].runs[0].manifest["dataset"],
    )


def choose_fields(comparison: Comparison) -> dict[str, str]:
    """Return {place: image}: the most different image between methods, the median and the worst by mean PQ.

    Each image occurs once. The methods differ most where their counts of matched nuclei (TP) are furthest
    apart. By PQ this would be a field with only a few nuclei.
    """
    pq, matched = _of_shown_runs(comparison, "pq"), _of_shown_runs(comparison, "tp")
    means = {image: statistics.fmean(values) for image, values in pq.items()}  # NaN where a PQ is undefined
    places = best_median_worst({image: {"pq": mean} for image, mean in means.items()})
    images = {name: image for place, image in places.items() for name in place.split(" and ")}
    images.pop("best", None)
    if len(comparison.rows) > 1 and images:
        scored = [image for image, mean in means.items() if not math.isnan(mean)]
        differs = max(scored, key=lambda image: max(matched[image]) - min(matched[image]))
        images = {"most different": differs} | images
    return merge_places(images)


def _of_shown_runs(comparison: Comparison, column: str) -> dict[str, list[float]]:
    """Return a column of images.csv by image, from the runs that are shown: the first run of each row."""
    found: dict[str, list[float]] = {}
    for row in comparison.rows:
        for image in row.runs[0].images:
            found.setdefault(image["image"], []).append(image[column])
    return found


def _show_field(comparison: Comparison, dataset: Dataset, place: str, image: str) -> ShownField:
    from fcrbench.report.pictures import side_by_side

    sample = dataset.load(image)
    runs = [row.runs[0] for row in comparison.rows]
    predictions = [run.read_prediction(image, sample.labels.shape) for run in runs]
    pictures = side_by_side(sample.image, sample.labels, predictions, WINDOW)
    values = _of_shown_runs(comparison, "pq")[image]
    rows = zip(comparison.rows, values, pictures, strict=True)
    return ShownField(place, image, [Panel(row.label, pq, picture) for row, pq, picture in rows])


def _charts(comparison: Comparison) -> list[Chart]:
    from fcrbench.report import figures

    charts = []
    for name, label in (("pq", "PQ"), ("ap", "AP")):
        rows = {row.label: _value_and_interval(row, name) for row in comparison.rows}
        seeds = {row.label: _seed_means(row, name) for row in comparison.rows if len(row.runs) > 1}
        note = "Mean over images, 95 % interval." + (" Small dots are single seeds." if seeds else "")
        charts.append(Chart(label, note, figures.interval_chart(f"scores-{name}", label, rows, seeds, label)))
    for name, label in (("pq", "PQ"), ("ap", "AP")):
        rows = {
            row.label: _value_and_interval(row, name, differences=True)
            for row in comparison.rows
            if row.differences
        }
        if rows:
            reference = comparison.reference.label
            heading, note = f"{label}, difference to {reference}", "Paired over images, 95 % interval."
            svg = figures.interval_chart(
                f"differences-{name}", heading, rows, {}, f"{label} minus that of {reference}", zero=True
            )
            charts.append(Chart(heading, note, svg))
    return charts


def _value_and_interval(row: Row, name: str, differences: bool = False) -> tuple[float, float, float]:
    found = (row.differences if differences else row.scores)[name]
    return found.value, found.low, found.high


def _seed_means(row: Row, name: str) -> list[float]:
    return [run.summary["metrics"][name]["mean"] for run in row.runs]
