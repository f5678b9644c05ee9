"""Formats scores as lines of plain text for the terminal."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fcrbench.report.tables import SCORES


def score_lines(summary: Mapping[str, Any]) -> list[str]:
    """Format the scores of `DatasetScores.summary()` as a table: mean over images, interval, pooled value."""
    images, empty = summary["n_images"], summary["n_empty"]
    left_out = f", {empty} without any object (left out of the means)" if empty else ""
    lines = [f"{images} images{left_out}", f"{'':10}{'mean':>8}   {'95 % interval':<17}{'pooled':>8}"]
    for key, (label, _) in SCORES.items():
        score = summary["metrics"][key]
        mean, low, high = (_number(score[name]) for name in ("mean", "low", "high"))
        interval = "-" if low == high == "-" else f"{low} .. {high}"
        lines.append(f"{label:10}{mean:>8}   {interval:<17}{_number(summary['pooled'][key]):>8}")
    return lines


def run_lines(folder: Path) -> list[str]:
    """Format the scores and the speed of a finished run."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    speed = summary["throughput"]
    lines = [
        *score_lines(summary),
        f"{summary['parameters']:,} parameters; on {speed['device']} with {speed['threads']} threads: "
        f"network {speed['network_images_per_second']:.1f} images/s, post-processing "
        f"{speed['postprocess_images_per_second']:.0f} images/s (in the paper about 5)",
    ]
    if training := summary.get("training"):
        lines.append(f"trained in {training['seconds']:.0f} s, {training['steps']} steps")
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.4f}"
