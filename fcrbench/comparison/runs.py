"""Reads finished runs and checks that they were measured on the same fields."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fcrbench import datasets
from fcrbench.datasets import Dataset
from fcrbench.errors import DataError, UsageError
from fcrbench.evaluation.record import RunRecord, read_run


def read_comparable(folders: Sequence[Path]) -> list[RunRecord]:
    """Read finished runs. Raise DataError naming a run that is unfinished or used other data."""
    seen: set[Path] = set()
    for folder in folders:
        if folder.resolve() in seen:
            raise UsageError(f"the run {folder} is given twice")
        seen.add(folder.resolve())
    records = [_read_finished(folder) for folder in folders]
    if not records:
        raise UsageError("nothing to compare: expected one or more run directories")
    for record in records:
        _check_images(record)
    for record in records[1:]:
        _check_same_fields(records[0], record)
    trained = [record for record in records if record.summary.get("training", {}).get("crops")]
    for record in trained[1:]:
        _check_same_split(trained[0], record, "train")
    return records


def open_dataset(record: RunRecord, root: Path | None = None) -> Dataset:
    """Open the data set of a run. `root` replaces its folder."""
    chosen = record.config.get("dataset", {})
    folder = root or chosen.get("root") or None
    return datasets.create(chosen.get("name", ""), folder, **chosen.get("options", {}))


def _read_finished(folder: Path) -> RunRecord:
    if not (folder / "config.toml").is_file():
        raise DataError(f"{folder} is not a run directory: no config.toml in it")
    if not (folder / "summary.json").is_file():
        raise DataError(
            f"{folder} is not finished: no summary.json in it; finish it with: fcrbench run --resume {folder}"
        )
    return read_run(folder)


def _check_images(record: RunRecord) -> None:
    """Check that images.csv has one row for every field that the manifest lists for the split."""
    listed, scored = _ids(record, split_of(record)), [row["image"] for row in record.images]
    if sorted(listed) != sorted(scored):
        wrong = sorted(set(listed) ^ set(scored)) or sorted(i for i in set(scored) if scored.count(i) > 1)
        raise DataError(
            f"{record.path / 'images.csv'}: expected one row for each of the {len(listed)} fields of split "
            f"{split_of(record)!r}, found {len(scored)} rows; the first wrong one is {wrong[0]}"
        )


def _check_same_fields(first: RunRecord, other: RunRecord) -> None:
    _check_equal(first, other, "data set", dataset_name(first), dataset_name(other))
    _check_equal(first, other, "scored split", split_of(first), split_of(other))
    _check_same_split(first, other, split_of(first))


def _check_same_split(first: RunRecord, other: RunRecord, split: str) -> None:
    ids, others = _ids(first, split), _ids(other, split)
    _check_equal(first, other, f"fields in split {split!r}", len(ids), len(others))
    for a, b in zip(ids, others, strict=True):
        _check_equal(first, other, f"fields of split {split!r}", a, b)
    hashes = _hash(first, split)[:12], _hash(other, split)[:12]
    _check_equal(first, other, f"pixels or labels of split {split!r}, by sha256,", *hashes)


def _check_equal(first: RunRecord, other: RunRecord, what: str, a: object, b: object) -> None:
    if a != b:
        raise DataError(f"{other.path} cannot be compared with {first.path}: {what} {b}, not {a}")


def dataset_name(record: RunRecord) -> str:
    return str(_dataset(record).get("name", ""))


def split_of(record: RunRecord) -> str:
    return str(record.summary.get("split", "val"))


def _ids(record: RunRecord, split: str) -> list[str]:
    return list(_dataset(record).get("splits", {}).get(split, []))


def _hash(record: RunRecord, split: str) -> str:
    digest = _dataset(record).get("sha256", {}).get(split)
    if not digest:
        raise DataError(
            f"{record.path / 'manifest.json'}: expected the sha256 of split {split!r}, found none"
        )
    return str(digest)


def _dataset(record: RunRecord) -> dict[str, Any]:
    described = record.manifest.get("dataset")
    if not isinstance(described, dict):
        raise DataError(f"{record.path / 'manifest.json'}: expected an object 'dataset', found none")
    return described
