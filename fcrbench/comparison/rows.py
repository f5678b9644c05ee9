"""The rows of a comparison: runs grouped by method, with their scores, sizes, speeds and differences."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fcrbench import metrics
from fcrbench.comparison.labels import identity, row_labels
from fcrbench.comparison.runs import dataset_name, read_comparable, split_of
from fcrbench.errors import DataError, UsageError, unknown_name
from fcrbench.evaluation.record import RunRecord
from fcrbench.metrics.jackknife import estimate_intervals, normalize_weights
from fcrbench.metrics.pooled import mean_terms, means_from_sums

if TYPE_CHECKING:
    import pandas as pd

RATIOS = ("dice2", "aji", "f1", "pq", "sq", "rq", "ap")
COUNTS = ("splits", "merges")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % interval over images. The ends are NaN for fewer than two images.

    spread   standard deviation of the means of the seeds; NaN for one seed
    """

    value: float
    low: float
    high: float
    spread: float = math.nan


@dataclass(frozen=True)
class Row:
    """One method with its runs, which differ only in their seeds.

    label         for example "fcrnet colors=3"; unique within a comparison
    runs          the runs in the order of their seeds
    scores        RATIOS and COUNTS (per image): the mean over images, then over seeds
    differences   RATIOS: this row minus the reference, over the images that both have scored. The scores of
                  an image are averaged over the seeds first. Empty for the reference
    """

    label: str
    runs: tuple[RunRecord, ...]
    scores: dict[str, Estimate]
    differences: dict[str, Estimate]

    @property
    def method(self) -> str:
        return str(self.runs[0].config.get("method", ""))

    @property
    def seeds(self) -> list[int]:
        return [seed_of(run) for run in self.runs]

    @property
    def parameters(self) -> int | None:
        return self.runs[0].summary.get("parameters")

    @property
    def crops(self) -> int:
        """Number of training crops of each run."""
        return int(self._training("crops")[0])

    @property
    def crop(self) -> int:
        """Side of a crop in pixels."""
        return int(self.runs[0].config.get("training", {}).get("crop", 0))

    @property
    def seconds(self) -> float:
        """Mean duration of a training."""
        return float(np.mean(self._training("seconds")))

    def speed(self, stage: str) -> float:
        """Return images per second of the stage "network" or "postprocess", over all runs together."""
        rates = [run.summary.get("throughput", {}).get(f"{stage}_images_per_second") for run in self.runs]
        return math.nan if None in rates else len(rates) / sum(1 / rate for rate in rates)

    def _training(self, key: str) -> list[float]:
        return [run.summary.get("training", {}).get(key, 0) for run in self.runs]


@dataclass(frozen=True)
class Comparison:
    """Rows that were measured on the same images.

    reference   the row to which differences are taken
    n_empty     number of images without any true object
    """

    rows: tuple[Row, ...]
    reference: Row
    dataset: str
    split: str
    n_images: int
    n_empty: int

    @property
    def equal_budget(self) -> bool:
        """Whether every trained row saw as many pixels."""
        return len({row.crops * row.crop**2 for row in self.rows if row.crops}) <= 1


def compare_runs(folders: Sequence[Path], against: str | None = None) -> Comparison:
    """Compare finished runs. Runs that differ only in their seed share a row.

    against   the reference for the differences: a run's folder, a row's label or a method's name. The default
              is the first row

    Raises DataError if a run is unfinished or was scored on other fields than the first. Raises UsageError if
    two runs have the same configuration and seed, or if `against` matches no row or several rows.
    """
    groups: dict[str, list[RunRecord]] = {}
    for record in read_comparable(folders):
        groups.setdefault(identity(record.config), []).append(record)
    for runs in groups.values():
        runs.sort(key=seed_of)
        for one, two in pairwise(runs):
            if seed_of(one) == seed_of(two):
                raise UsageError(
                    f"{one.path} and {two.path} have the same configuration and seed {seed_of(one)}; "
                    "give only one of them"
                )
    records = [run for runs in groups.values() for run in runs]
    ids = [row["image"] for row in records[0].images]
    tables = {run.path: _read_table(run, ids) for run in records}
    names = row_labels([runs[0].config for runs in groups.values()])
    rows = [
        Row(name, tuple(runs), _estimates([tables[run.path] for run in runs]), {})
        for name, runs in zip(names, groups.values(), strict=True)
    ]
    reference = rows[0] if against is None else _find_row(rows, against)
    averaged = {row.label: _average_tables([tables[run.path] for run in row.runs]) for row in rows}
    return Comparison(
        rows=tuple(
            row
            if row is reference
            else replace(row, differences=_differences(averaged[row.label], averaged[reference.label]))
            for row in rows
        ),
        reference=reference,
        dataset=dataset_name(records[0]),
        split=split_of(records[0]),
        n_images=len(ids),
        n_empty=int((tables[records[0].path]["n_true"] == 0).sum()),
    )


def seed_of(record: RunRecord) -> int:
    return int(record.config.get("seed", 0))


def _find_row(rows: Sequence[Row], wanted: str) -> Row:
    """Find a row by the folder of one of its runs, by its label or by its method."""
    folder = Path(wanted).resolve()
    for row in rows:
        if row.label == wanted or any(run.path.resolve() == folder for run in row.runs):
            return row
    same = [row for row in rows if row.method == wanted]
    if len(same) == 1:
        return same[0]
    if same:
        raise UsageError(f"--against {wanted} may be any of: {', '.join(row.label for row in same)}")
    raise UsageError(unknown_name("method or run to compare against:", wanted, [row.label for row in rows]))


def _read_table(record: RunRecord, ids: list[str]) -> "pd.DataFrame":
    """Return the rows of images.csv in the order of `ids`."""
    import pandas as pd

    table = pd.DataFrame(record.images)
    missing = [name for name in (*RATIOS, *COUNTS, "tp", "n_true") if name not in table.columns]
    if missing:
        raise DataError(f"{record.path / 'images.csv'}: expected columns named {', '.join(missing)}")
    return table.set_index("image").loc[ids].reset_index()


def _estimates(tables: "list[pd.DataFrame]") -> dict[str, Estimate]:
    """Estimate means over images, then over tables. An image is left out of all tables or of none."""
    names = [*RATIOS, *COUNTS]
    terms = [mean_terms(table[names].to_numpy(np.float64)) for table in tables]

    def by_table(sums: np.ndarray) -> np.ndarray:
        return np.stack([means_from_sums(part) for part in np.split(sums, len(tables), axis=-1)])

    columns = np.concatenate(terms, axis=1)
    weights = np.sum([normalize_weights(part[:, len(names) :]) for part in terms], axis=0)
    most = np.array([1.0] * len(RATIOS) + [math.inf] * len(COUNTS))
    found = estimate_intervals(lambda sums: by_table(sums).mean(axis=0), columns, weights, upper=most)
    each = by_table(columns.sum(axis=0))
    spread = each.std(axis=0, ddof=1) if len(tables) > 1 else np.full(len(names), math.nan)
    return _estimates_by_name(names, *found, spread)


def _average_tables(tables: "list[pd.DataFrame]") -> "pd.DataFrame":
    """Return one table with the scores of each image averaged over the given tables."""
    import pandas as pd

    if len(tables) == 1:
        return tables[0]
    return pd.concat(tables).groupby("image", sort=False, as_index=False).mean()


def _differences(table: "pd.DataFrame", reference: "pd.DataFrame") -> dict[str, Estimate]:
    found: dict[str, Any] = metrics.compare(table, reference, metrics=RATIOS)["metrics"]
    return {name: Estimate(f["difference"], f["low"], f["high"]) for name, f in found.items()}


def _estimates_by_name(names: Sequence[str], *columns: np.ndarray) -> dict[str, Estimate]:
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return {name: Estimate(*row) for name, row in zip(names, rows, strict=True)}
