"""Validation PQ of runs over their training: python tools/schedule_picture.py OUTPUT.png NAME=RUN ...

Where a run trains with the power of Eq. 4, the places where alpha changes are marked, for the first such run.
"""

import sys
import tomllib
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")


def main(output: Path, runs: dict[str, Path]) -> None:
    figure = Figure(figsize=(7, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel="training crops", ylabel="validation PQ", ylim=(0, 1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    marked = False
    for (name, run), color in zip(runs.items(), COLORS, strict=False):
        config = tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))
        history = pd.read_csv(run / "history.csv").dropna(subset="val_pq")
        crops = history["step"] * config["training"]["batch_size"]
        axes.plot(crops, history["val_pq"], marker="o", markersize=3, color=color, label=name)
        if config["options"]["loss"] == "similarity" and not marked:
            mark_stages(axes, config["options"]["alpha"], crops.iloc[-1])
            marked = True
    axes.legend(frameon=False)
    figure.savefig(output, dpi=150)


def mark_stages(axes: Axes, alpha: list[float], crops: float) -> None:
    for stage, power in enumerate(alpha):
        if stage and power == alpha[stage - 1]:
            continue
        begin = crops * stage / len(alpha)
        axes.axvline(begin, color="0.4", linewidth=0.6, linestyle=":")
        axes.text(begin, 0.98, f" alpha {power:g}", color="0.4", fontsize=8, va="top")


if __name__ == "__main__":
    main(
        Path(sys.argv[1]), {name: Path(run) for name, _, run in (arg.partition("=") for arg in sys.argv[2:])}
    )
