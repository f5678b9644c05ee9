"""Scores of a finished run on its training fields by how scores become instances: what decoding is chosen by.

    python tools/choose_decoding.py runs/... --every 4 --try min_size=0,10,25 --try border_size=0,25,50

Scores of the network are computed once; then each option takes each of its values, the others being as
they are, in the order given, and the value of largest AP stays where it gains more than --gain. That is
repeated until nothing changes. Every method is chosen for in the same way; no validation field is looked at.
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
    parser.add_argument("run", type=Path, help="a finished run; its data set's training fields are scored")
    parser.add_argument("--every", type=int, default=4, help="score every n-th training field")
    parser.add_argument(
        "--gain", type=float, default=0.001, help="least gain in AP for which a value changes"
    )
    parser.add_argument("--try", dest="tried", action="append", default=[], metavar="OPTION=VALUE,VALUE,...")
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
    values = {name: listed(text) for name, _, text in (line.partition("=") for line in chosen.tried)}
    search(config["method"], method, scores, truth, values, chosen.gain)


def search(
    name: str,
    method: Method,
    scores: list[np.ndarray],
    truth: list[np.ndarray],
    values: dict[str, list[Any]],
    gain: float,
) -> None:
    options = dataclasses.asdict(method.options)
    known: dict[str, dict[str, float]] = {}  # a later round asks for much of an earlier one again

    def scored(options: dict[str, Any]) -> dict[str, float]:
        key = repr(options)
        if key not in known:
            known[key] = measured(name, options, scores, truth)
        return known[key]

    best = scored(options)
    show("as trained", best)
    changed = True
    while changed:
        changed = False
        for option, tried in values.items():
            found = {}
            for value in tried:
                if value != options[option]:
                    found[value] = scored(options | {option: value})
                    show(f"{option} {value}", found[value])
            if not found:
                continue
            value = max(found, key=lambda value: found[value]["ap"])
            if found[value]["ap"] > best["ap"] + gain:
                options[option], best, changed = value, found[value], True
                show(f"**{option} {value}**", best)
    show(", ".join(f"{option} {options[option]}" for option in values) or "as trained", best)


def listed(text: str) -> list[Any]:
    """The values between commas, each as TOML reads it."""
    return [parse_setting(f"value={part}")[1] for part in text.split(",")]


def measured(
    name: str, options: dict[str, Any], scores: list[np.ndarray], truth: list[np.ndarray]
) -> dict[str, float]:
    """Mean scores over the fields with these options."""
    method = registry.create(name, **options)
    pairs = (
        (str(i), labels, method.postprocess(found))
        for i, (labels, found) in enumerate(zip(truth, scores, strict=True))
    )
    means = metrics.score_dataset(pairs).table[list(SHOWN)].mean()
    return {str(key): float(value) for key, value in means.items()}


def show(what: str, found: dict[str, float]) -> None:
    cells = [f"{found[key]:.{1 if key in ('splits', 'merges') else 4}f}" for key in SHOWN]
    print("|", " | ".join([what, *cells]), "|", flush=True)


if __name__ == "__main__":
    main()
