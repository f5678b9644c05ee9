"""Measure how often the 95 % intervals contain the true mean, by number of images, for docs/metrics.md.

    python tools/measure_coverage.py [SCORES [OTHERS]] [--sets 2000]

SCORES and OTHERS are tables of scores of the same images (images.csv of a run, or the output of
`fcrbench score -o`). Without them, the 46 fields of the embedded data set are segmented with the default
weights, and by a threshold at the mean of each image. The images of a table are taken as the whole
population. Data sets are drawn from them with replacement, and the intervals of each data set are compared
with the means of the population. With OTHERS the two tables are compared, too: the tool counts how often
`metrics.compare` rejects the true difference.

`metrics.summarize` and `metrics.compare` are called on each data set. A share p of N data sets has the
standard error sqrt(p (1 - p) / N), which is .005 for .95 of 2,000.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fcrbench import metrics

NAMES = {"pq": "PQ", "f1": "F1", "dice": "Dice", "ap": "AP"}
SIZES = (2, 5, 10, 20, 50, 100)


def sample_scores() -> list[pd.DataFrame]:
    """Return the scores of the embedded fields, by the default weights and by a threshold."""
    from fcrbench import datasets, postprocess
    from fcrbench.inference import load_predictor

    data = datasets.create("sample")
    fields = [data.load(name) for split in ("train", "val") for name in data.splits[split]]
    network = load_predictor("default", device="cpu")
    bright = [postprocess.label(field.image > field.image.mean(), connectivity=2)[0] for field in fields]
    found = [network(field.image) for field in fields], [postprocess.remove_small(b, 25) for b in bright]
    return [
        metrics.score_dataset([(f.id, f.labels, p) for f, p in zip(fields, predictions, strict=True)]).table
        for predictions in found
    ]


def interval_covers(truth: dict[str, Any], found: dict[str, Any], value: str) -> dict[str, float]:
    """Return by name whether the interval contains the true value: 1, 0, or NaN if there is no interval."""
    result = {}
    for name in NAMES:
        low, high, true = found[name]["low"], found[name]["high"], truth[name][value]
        result[name] = np.nan if np.isnan(low) else float(low - 1e-12 <= true <= high + 1e-12)
    return result


def measure_coverage(tables: Sequence[pd.DataFrame], n: int, sets: int) -> list[dict[str, float]]:
    """Return the shares of `sets` data sets of n images whose intervals contain the true value.

    The rows are for the means and the pooled scores of the first table, then for the mean and the pooled
    differences if there is a second table.
    """
    rng = np.random.default_rng(n)
    truth = metrics.summarize(tables[0])
    both = metrics.compare(*tables, metrics=list(NAMES), n_boot=1) if len(tables) == 2 else None
    rows: list[list[dict[str, float]]] = [[] for _ in range(4 if both else 2)]
    pooled_truth = {name: {"value": truth["pooled"][name]} for name in NAMES}
    for _ in range(sets):
        drawn = rng.integers(0, len(tables[0]), n)
        parts = [table.iloc[drawn].assign(image=range(n)) for table in tables]
        found = metrics.summarize(parts[0])
        rows[0].append(interval_covers(truth["metrics"], found["metrics"], "mean"))
        rows[1].append(interval_covers(pooled_truth, found["pooled_intervals"], "value"))
        if both:
            less = metrics.compare(*parts, metrics=list(NAMES), n_boot=1)
            rows[2].append(interval_covers(both["metrics"], less["metrics"], "difference"))
            rows[3].append(interval_covers(both["pooled"], less["pooled"], "difference"))
    return [pd.DataFrame(row).mean().to_dict() for row in rows]


def read_scores(path: Path) -> pd.DataFrame:
    return pd.read_csv(path / "images.csv" if path.is_dir() else path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("scores", type=Path, nargs="?", help="CSV or run directory")
    parser.add_argument(
        "others", type=Path, nargs="?", help="CSV or run directory, scores of the same images"
    )
    parser.add_argument("--sets", type=int, default=2000, help="data sets drawn for each number of images")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of images")
    args = parser.parse_args()
    tables = [read_scores(path) for path in (args.scores, args.others) if path] or sample_scores()
    if len(tables) == 2:
        common = tables[0]["image"][tables[0]["image"].isin(tables[1]["image"])]
        tables = [table.set_index("image").loc[common].reset_index() for table in tables]
    for which, table in zip(("scores", "others"), tables, strict=False):
        facts = [
            f"{label} {table[name].mean():.3f}, deviation {table[name].std():.3f}, skewness "
            f"{table[name].skew():.1f}"
            for name, label in NAMES.items()
        ]
        objects = table["n_true"]
        facts.append(f"{objects.min()} to {objects.max()} objects per image, median {objects.median():g}")
        print(f"{which}, {len(table)} images: {'; '.join(facts)}")
    kinds = ("mean", "pooled", "mean: null rejected", "pooled: null rejected")[: 2 * len(tables)]
    print(f"\n{args.sets} data sets of each size; {', '.join(NAMES.values())} in each cell\n")
    print(f"| images | {' | '.join(kinds)} |\n|{'---|' * (len(kinds) + 1)}")
    for n in args.sizes:
        cells = []
        for kind, held in zip(kinds, measure_coverage(tables, n, args.sets), strict=True):
            shares = (1 - share if "null" in kind else share for share in held.values())
            cells.append(" ".join(f"{share:.3f}".lstrip("0") for share in shares))
        print(f"| {n} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
