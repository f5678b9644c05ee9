"""Reads and checks the files in a run directory of `fcrbench run`."""

import csv
import io
import json
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcrbench.errors import DataError

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class RunRecord:
    """The content of a run directory.

    path       the directory
    config     config.toml, parsed; config_text is the text of the file
    manifest   manifest.json: versions, machine, data, command
    summary    summary.json: means with intervals, pooled values, throughput
    images     images.csv: one dict per image; "image" is the id, everything else a float (NaN = undefined)
    history    history.csv: columns of floats, NaN for blank cells; empty if there is no such file
    """

    path: Path
    config: dict[str, Any]
    config_text: str
    manifest: dict[str, Any]
    summary: dict[str, Any]
    images: list[dict[str, Any]]
    history: dict[str, list[float]]

    def prediction(self, image_id: str) -> Path:
        """Return the path of the label image of one field."""
        return self.path / "predictions" / f"{image_id}.tif"

    def read_prediction(self, image_id: str, shape: tuple[int, ...]) -> "np.ndarray":
        """Read the label image of one field. Raise DataError if it cannot be read or has another shape."""
        from fcrbench.io import read_labels

        path = self.prediction(image_id)
        labels = read_labels(path)
        if labels.shape != shape:
            raise DataError(f"{path}: shape {labels.shape}, expected the shape {shape} of the image")
        return labels


def read_run(run_dir: Path) -> RunRecord:
    """Read a run directory. Raise DataError naming a file that is missing or cannot be read."""
    config_text = _read_text(run_dir / "config.toml")
    try:
        config = tomllib.loads(config_text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{run_dir / 'config.toml'}: not TOML: {error}") from error
    summary = _read_json(run_dir / "summary.json")
    if not isinstance(summary.get("metrics"), dict):
        found = ", ".join(summary) or "nothing"
        raise DataError(f"{run_dir / 'summary.json'}: expected an object 'metrics', found {found}")
    history = run_dir / "history.csv"
    return RunRecord(
        path=run_dir,
        config=config,
        config_text=config_text,
        manifest=_read_json(run_dir / "manifest.json"),
        summary=summary,
        images=_read_images(run_dir / "images.csv"),
        history=_read_history(history) if history.exists() else {},
    )


def _read_text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:  # a name may contain a carriage return
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read: {reason}") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"{path}: expected a JSON object, found {type(value).__name__}")
    return value


def _read_images(path: Path) -> list[dict[str, Any]]:
    rows = _read_rows(path)
    if rows and "image" not in rows[0]:
        raise DataError(f"{path}: expected a column 'image', found {', '.join(rows[0])}")
    return [
        {name: cell if name == "image" else _parse_number(cell, name, path) for name, cell in row.items()}
        for row in rows
    ]


def _read_history(path: Path) -> dict[str, list[float]]:
    rows = _read_rows(path)
    if not rows:
        return {}
    if "epoch" not in rows[0]:
        raise DataError(f"{path}: expected a column 'epoch', found {', '.join(rows[0])}")
    return {name: [_parse_number(row[name], name, path) for row in rows] for name in rows[0]}


def _read_rows(path: Path) -> list[dict[str, str]]:
    rows = list(csv.DictReader(io.StringIO(_read_text(path))))
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise DataError(f"{path}: line {number} has another number of cells than the header")
    return rows


def _parse_number(cell: str, column: str, path: Path) -> float:
    if not cell.strip():
        return math.nan
    try:
        return float(cell)
    except ValueError:
        raise DataError(f"{path}: column {column!r}: expected a number, found {cell!r}") from None
