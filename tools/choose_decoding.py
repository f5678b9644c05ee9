"""Choose the decoding options of a finished run by the scores of its training fields.

    python tools/choose_decoding.py runs/... --every 4 --try min_size=0,10,25 --try border_size=0,25,50

The network runs once. Then all values of each option are tried in the given order, while the other options
keep their values. The value with the largest AP is kept if it gains more than --gain. This is repeated until
nothing changes. All methods are treated in the same way, and no validation field is used.
"""

import argparse
import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

from fcrbench import datasets, metrics
from fcrbench.config.settings import parse_setting
from fcrbench.inference import load_predictor
from fcrbench.methods import Method, registry

SHOWN = ("ap", "f1", "pq", "splits", "merges")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "run", type=Path, help="a finished run; the training fields of its data set are scored"
    )
    parser.add_argument("--every", type=int, default=4, help="score every n-th training field")
    parser.add_argument(
        "--gain", type=float, default=0.001, help="smallest gain in AP for which an option changes"
    )
    parser.add_argument(
        "--try",
        dest="tried",
        action="append",
        default=[],
        metavar="OPTION=VALUE,VALUE,...",
        help="an option and the values to try; can be repeated",
    )
    chosen = parser.parse_args()
    config = tomllib.loads((chosen.run / "config.toml").read_text(encoding="utf-8"))
    given = config["dataset"]
    dataset = datasets.create(given["name"], given.get("root"), **given.get("options", {}))
    ids = dataset.splits["train"][:: chosen.every]
    samples = [dataset.load(name) for name in ids]
    predictor = load_predictor(chosen.run)
    method = predictor.method
    scores = [predictor.scores(sample.image) for sample in samples]
    truth = [sample.labels for sample in samples]
    print(f"{config['method']}, {len(ids)} training fields of {given['name']} (every {chosen.every}th)\n")
    print("| options | AP | F1@0.5 | PQ | splits | merges |", "|---|---|---|---|---|---|", sep="\n")
    values = {name: parse_values(text) for name, _, text in (line.partition("=") for line in chosen.tried)}
    search(config["method"], method, scores, truth, values, chosen.gain)


def search(
    name: str,
    method: Method,
    scores: list[np.ndarray],
    truth: list[np.ndarray],
    values: dict[str, list[Any]],
    gain: float,
) -> None:
    """Change one option at a time as long as AP improves, and print a table of all trials."""
    options = dataclasses.asdict(method.options)
    known: dict[str, dict[str, float]] = {}  # later rounds repeat many trials of earlier ones

    def cached_scores(options: dict[str, Any]) -> dict[str, float]:
        key = repr(options)
        if key not in known:
            known[key] = mean_scores(name, options, scores, truth)
        return known[key]

    best = cached_scores(options)
    print_row("as trained", best)
    changed = True
    while changed:
        changed = False
        for option, tried in values.items():
            found = {}
            for value in tried:
                if value != options[option]:
                    found[value] = cached_scores(options | {option: value})
                    print_row(f"{option} {value}", found[value])
            if not found:
                continue
            value = max(found, key=lambda value: found[value]["ap"])
            if found[value]["ap"] > best["ap"] + gain:
                options[option], best, changed = value, found[value], True
                print_row(f"**{option} {value}**", best)
    print_row(", ".join(f"{option} {options[option]}" for option in values) or "as trained", best)


def parse_values(text: str) -> list[Any]:
    """Return the comma-separated values, each parsed as TOML."""
    return [parse_setting(f"value={part}")[1] for part in text.split(",")]


def mean_scores(
    name: str, options: dict[str, Any], scores: list[np.ndarray], truth: list[np.ndarray]
) -> dict[str, float]:
    """Return the mean scores over the fields with these options."""
    method = registry.create(name, **options)
    pairs = (
        (str(i), labels, method.postprocess(found))
        for i, (labels, found) in enumerate(zip(truth, scores, strict=True))
    )
    means = metrics.score_dataset(pairs).table[list(SHOWN)].mean()
    return {str(key): float(value) for key, value in means.items()}


def print_row(title: str, found: dict[str, float]) -> None:
    cells = [f"{found[key]:.{1 if key in ('splits', 'merges') else 4}f}" for key in SHOWN]
    print("|", " | ".join([title, *cells]), "|", flush=True)


if __name__ == "__main__":
    main()
