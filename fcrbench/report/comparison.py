"""Turns a comparison into tables of text, which every output format writes, and notes about them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fcrbench.comparison.labels import replaced_budget
from fcrbench.comparison.rows import COUNTS, RATIOS, Comparison, Estimate, Row
from fcrbench.report import published
from fcrbench.report.tables import (
    NONE,
    SCORES,
    TABLE_1_SCORES,
    Score,
    duration,
    images,
    interval,
    number,
    parameters,
    published_rows,
    rate,
    signed,
)

FURTHER_SCORES = tuple(name for name in RATIOS if name not in TABLE_1_SCORES)
COUNT_COLUMNS = {
    "splits": (
        "Splits",
        "per image: true nuclei that hold more than half of each of two or more predictions",
    ),
    "merges": (
        "Merges",
        "per image: predictions that cover more than half of each of two or more true nuclei",
    ),
}
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"  # between signed ends, where a dash would read as a minus
TIMES, SQUARED, PLUS_MINUS = "\N{MULTIPLICATION SIGN}", "\N{SUPERSCRIPT TWO}", "\N{PLUS-MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Block:
    """One table. `columns` are (heading, definition or ""); a row is a label with a cell for each column."""

    title: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[Score, ...]], ...]
    note: str = ""


def measured_blocks(comparison: Comparison) -> list[Block]:
    """Return the measured tables: the columns of the paper's Table 1, other scores, speed and training."""
    rows = comparison.rows
    table_1 = [_score_column(rows, name) for name in TABLE_1_SCORES]
    size = [Score(parameters(row.parameters) if row.parameters else NONE) for row in rows]
    further = [_score_column(rows, name) for name in (*FURTHER_SCORES, *COUNTS)]
    speeds = [_speed_column(rows, stage) for stage in ("network", "postprocess")]
    budget = [Score(_budget(row)) for row in rows]
    time = [Score(duration(row.seconds) if row.crops else NONE) for row in rows]
    return [
        _block(
            "The columns of Table 1",
            rows,
            [*map(_heading, TABLE_1_SCORES), ("Parameters", "of the network")],
            [*table_1, size],
        ),
        _block(
            "Further scores",
            rows,
            [*map(_heading, FURTHER_SCORES), *(COUNT_COLUMNS[name] for name in COUNTS)],
            further,
        ),
        _block(
            "Speed and training",
            rows,
            [
                ("Network, img/s", "images per second, from the image to the output of the network"),
                ("Post-proc., img/s", "images per second, from the output of the network to instances"),
                ("Budget", f"training crops {TIMES} their size in pixels, for each seed"),
                ("Trained in", "for each seed, with validation"),
            ],
            [*speeds, budget, time],
        ),
    ]


def differences_block(comparison: Comparison) -> Block | None:
    """Return the differences of each row to the reference, or None if there is no other row."""
    others = [row for row in comparison.rows if row is not comparison.reference]
    if not others:
        return None
    reference = comparison.reference.label
    return _block(
        f"Differences to {reference}",
        others,
        list(map(_heading, RATIOS)),
        [[_difference(row.differences[name]) for row in others] for name in RATIOS],
        note=f"Each row minus {reference}, paired over the images that both have scored, with 95 % "
        "intervals. A value is bold if its interval does not contain 0. This is a test of one score at 5 %; "
        "be more careful if you look at several scores together.",
    )


def published_block() -> Block:
    """Return the paper's Table 1 as printed."""
    return Block(
        title=f"Published: the paper's Table 1, measured on {published.DATASET} ({images(published.IMAGES)})",
        columns=(*map(_heading, TABLE_1_SCORES), ("Parameters", "")),
        rows=tuple((row.method, (*row.scores, Score(row.parameters))) for row in published_rows()),
        note="These rows are not comparable with the rows measured here, because the images and the "
        f"annotators differ. The paper gives about {published.POSTPROCESS_IMAGES_PER_SECOND} images/s for "
        "the post-processing of FCRNet.",
    )


def join_blocks(blocks: Sequence[Block]) -> Block:
    """Join blocks with the same rows to one wide table."""
    rows = zip(*(block.rows for block in blocks), strict=True)
    return Block(
        title="",
        columns=tuple(column for block in blocks for column in block.columns),
        rows=tuple((parts[0][0], tuple(cell for _, cells in parts for cell in cells)) for parts in rows),
    )


def label_with_seeds(row: Row) -> str:
    """Return the label of a row, with the number of seeds if there are several."""
    return f"{row.label}, {len(row.runs)} seeds" if len(row.runs) > 1 else row.label


def title(comparison: Comparison) -> str:
    count = len(comparison.rows)
    return f"{count} method{'' if count == 1 else 's'} on {measured_on(comparison)}"


def measured_on(comparison: Comparison) -> str:
    return f"{comparison.dataset}, split {comparison.split}, {images(comparison.n_images)}"


def notes(comparison: Comparison) -> list[str]:
    """Return the notes that a reader needs: how the figures were measured, the budget, what differs."""
    rows = comparison.rows
    several = any(len(row.runs) > 1 for row in rows)
    seeds = (
        f"; several seeds are shown by their mean {PLUS_MINUS} their standard deviation" if several else ""
    )
    sentences = [
        f"Measured on {measured_on(comparison)}. Scores are means over images with 95 % intervals over images"
        f"{seeds}. Splits and merges are per image. An interval is about other images of the same kind, "
        "not about another training." + (" The best score of a column is bold." if len(rows) > 1 else ""),
        *_about_budget(comparison),
        *_about_speed(rows),
    ]
    if comparison.n_empty:
        one = comparison.n_empty == 1
        sentences.append(
            f"{images(comparison.n_empty)} {'holds' if one else 'hold'} no true nucleus: a method that "
            "finds something there scores 0; one that does not is not scored on it."
        )
    flattered = [row.label for row in rows if row.runs[0].config.get("evaluate") == "best"]
    if flattered:
        sentences.append(
            f"{', '.join(flattered)}: the weights were chosen by their PQ on these same images, so the "
            "scores are optimistic."
        )
    return sentences


def _about_budget(comparison: Comparison) -> list[str]:
    trained = [row for row in comparison.rows if row.crops]
    if not trained:
        return []
    if comparison.equal_budget and len({_budget(row) for row in trained}) == 1:
        who = "Every trained method" if len(trained) > 1 else trained[0].label
        sentences = [
            f"{who} saw {trained[0].crops:,} crops of {trained[0].crop} {TIMES} {trained[0].crop} pixels."
        ]
    elif comparison.equal_budget:
        sentences = [
            f"Every trained method saw {trained[0].crops * trained[0].crop ** 2 / 1e6:,.1f} Mpx in crops."
        ]
    else:
        sentences = [
            "The training budgets are not equal: see their column before you read the scores as a ranking."
        ]
    replaced: dict[str, list[str]] = {}
    for row in trained:
        if own := replaced_budget(row.runs[0].config):
            replaced.setdefault("; ".join(own), []).append(row.label)
    for values, names in replaced.items():
        sentences.append(f"This differs from the budget of the preset for {', '.join(names)}: {values}.")
    return [" ".join(sentences)]


def _about_speed(rows: Sequence[Row]) -> list[str]:
    machines: dict[str, list[str]] = {}
    for row in rows:
        for text in dict.fromkeys(_machine(row, index) for index in range(len(row.runs))):
            machines.setdefault(text, []).append(row.label)
    machines.pop("", None)
    if len(machines) == 1:
        return [f"Speeds were measured on {next(iter(machines))}, one image at a time."]
    listed = "; ".join(f"{', '.join(labels)}: {machine}" for machine, labels in machines.items())
    return [f"Speeds were measured under different conditions. {listed}."] if listed else []


def _machine(row: Row, index: int) -> str:
    run = row.runs[index]
    speed = run.summary.get("throughput", {})
    if not speed:
        return ""
    device = run.manifest.get("device") or speed.get("device", "")
    processor = run.manifest.get("cpu", "")
    threads = speed.get("threads")
    parts = [
        f"{device} ({processor})" if processor else str(device),
        f"{threads} thread{'' if threads == 1 else 's'}" if threads else "",
        f"images of {f' {TIMES} '.join(map(str, speed['image_shape']))} pixels"
        if "image_shape" in speed
        else "",
    ]
    return ", ".join(filter(None, parts))


def _block(
    title: str,
    rows: Sequence[Row],
    columns: Sequence[tuple[str, str]],
    cells: Sequence[Sequence[Score]],
    note: str = "",
) -> Block:
    by_row = zip(*cells, strict=True)
    labelled = tuple((label_with_seeds(row), tuple(scores)) for row, scores in zip(rows, by_row, strict=True))
    return Block(title, tuple(columns), labelled, note)


def _heading(name: str) -> tuple[str, str]:
    return SCORES[name]


def _score_column(rows: Sequence[Row], name: str) -> list[Score]:
    digits, ends = (2, 2) if name in COUNTS else (4, 3)
    bold = _best([row.scores[name].value for row in rows], digits, min if name in COUNTS else max)
    cells = []
    for row, best in zip(rows, bold, strict=True):
        found = row.scores[name]
        spread = "" if math.isnan(found.spread) else f"{PLUS_MINUS} {found.spread:.{digits}f}"
        cells.append(Score(number(found.value, digits), interval(found.low, found.high, ends), spread, best))
    return cells


def _speed_column(rows: Sequence[Row], stage: str) -> list[Score]:
    return [Score(rate(row.speed(stage))) for row in rows]


def _best(values: Sequence[float], digits: int, better: Callable[[list[float]], float]) -> list[bool]:
    """Return which values are the best as printed. None is the best if there is only one value."""
    printed = [round(value, digits) for value in values]
    known = [value for value in printed if not math.isnan(value)]
    if len(values) < 2 or not known:
        return [False] * len(values)
    return [value == better(known) for value in printed]


def _difference(found: Estimate) -> Score:
    ends = "" if math.isnan(found.low) else f"{signed(found.low)}{ELLIPSIS}{signed(found.high)}"
    return Score(signed(found.value, 4), ends, bold=found.low > 0 or found.high < 0)


def _budget(row: Row) -> str:
    return f"{row.crops:,} {TIMES} {row.crop}{SQUARED}" if row.crops else NONE
