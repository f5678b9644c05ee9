"""Rebuild the packaged weights from public data: fetch, train, store, update the figures in the model card.

    python tools/train_weights.py                   # uses data/ and runs/, writes fcrbench/weights/
    python tools/train_weights.py --from runs/...   # store the weights of a finished run

tools/default_weights.toml is the recipe. Each [[stage]] is a run, with changes to the values above it. It
begins with the weights of the previous stage that `begin` names, "last" or "best"; if options.filters
differ, channels are added to the network first. Convolutions are stored as float16, everything else as it is.
The card shows the scores of the stored weights next to those of the trained float32 weights.
"""

import argparse
import json
import tomllib
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from fcrbench import weights
from fcrbench.config import merge
from fcrbench.datasets import create
from fcrbench.datasets.fetch import fetch
from fcrbench.inference import read_method
from fcrbench.jobs.configure import configure
from fcrbench.jobs.run import start
from fcrbench.methods import create as create_method
from fcrbench.methods.fcrnet.grow import grow
from fcrbench.training.engine import build_network
from fcrbench.weights.tensors import load_weights, save_weights
from fcrbench.work.atomic import write_bytes, write_text
from fcrbench.work.display import TrainingDisplay

HERE = Path(__file__).parent
STORED = weights.resolve(weights.DEFAULT)
CARD = STORED.with_name("README.md")
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
SHOWN = {"ap": "AP 0.50:0.95", "f1": "F1@0.5", "pq": "PQ", "aji": "AJI", "dice2": "Dice2"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--from", dest="run", type=Path, help="store the weights of this finished run")
    parser.add_argument("--config", type=Path, default=HERE / "default_weights.toml", help="the recipe")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the data sets")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    chosen = parser.parse_args()
    run = chosen.run or train(chosen.config, chosen.data, chosen.runs, chosen.device)
    config = tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))
    evaluated = run / "weights" / f"{config['evaluate']}.safetensors"
    store(evaluated, STORED)
    scoring = {"device": chosen.device, "dataset": config["dataset"]}
    # Scored again, by the same code as the stored weights.
    before = make_run({"weights": str(evaluated), **scoring}, chosen.runs)
    write_card(run, before, make_run({"weights": weights.DEFAULT, **scoring}, chosen.runs))


def train(config: Path, data: Path, runs: Path, device: str) -> Path:
    """Train all stages of a recipe and return the last run. The data set is fetched if it has no folder."""
    values = tomllib.loads(config.read_text(encoding="utf-8"))
    stages = values.pop("stage", [{}])
    dataset = values["dataset"]
    if not dataset.get("root") and dataset["name"] not in ("sample", "synthetic"):
        root = data / dataset["name"]
        root = root if root.is_dir() else fetch(dataset["name"], data)
        values = merge(values, {"dataset": {"root": str(root.resolve())}})
    run: Path | None = None
    for stage in stages:
        begin = stage.pop("begin", "last")
        stage = merge(merge(values, {"device": device}), stage)
        if run:
            stage["init"] = str(
                add_channels(run / "weights" / f"{begin}.safetensors", stage.get("options", {}))
            )
        run = make_run(stage, runs)
    assert run is not None
    return run


def add_channels(path: Path, options: dict) -> Path:
    """Return a weights file of FCRNet with the filters in `options`: `path`, or a new file next to it."""
    trained = read_method(path)
    larger = create_method(weights.read_header(path).method, **asdict(trained.options) | options)
    if larger.options.filters == trained.options.filters:
        return path
    small, large = trained.build(), build_network(larger, seed=0)
    load_weights(path, small)
    grow(small, large)
    target = path.with_name(f"{path.stem}-grown.safetensors")
    save_weights(target, large, weights.read_header(path).method, larger)
    return target


def make_run(values: dict, runs: Path) -> Path:
    """Run a configuration with a progress display and return the run directory."""
    from rich.console import Console

    with TrainingDisplay(Console()) as display:
        return start(configure(values), runs, display)


def stages_of(run: Path) -> list[Path]:
    """Return a run and the runs before it whose weights it began with, oldest first."""
    config = tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))
    before = Path(config.get("init") or "").parent.parent  # a run's weights/*.safetensors
    return [*(stages_of(before) if (before / "summary.json").is_file() else []), run]


def store(source: Path, target: Path) -> None:
    """Copy weights, with tensors of two or more dimensions, the convolutions, as float16."""
    with safe_open(source, framework="numpy") as file:
        header = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (not a dict)
    for key, tensor in tensors.items():
        if tensor.ndim >= 2 and tensor.dtype == np.float32:
            half = tensor.astype(np.float16)
            if not np.isfinite(half).all():
                raise SystemExit(f"{source}: {key} reaches {np.abs(tensor).max():g}, too much for float16")
            tensors[key] = half
    write_bytes(target, save(tensors, metadata=header))


def write_card(run: Path, before: Path, after: Path) -> None:
    """Write the scores of the weights before and after they were stored into the model card."""
    full, stored, *stages = (
        json.loads((folder / "summary.json").read_text()) for folder in (before, after, *stages_of(run))
    )
    manifest = json.loads((run / "manifest.json").read_text())
    config = tomllib.loads((run / "config.toml").read_text())
    data = create(config["dataset"]["name"], config["dataset"].get("root"), **config["dataset"]["options"])
    rows = ["| score | stored | 95 % interval | as trained, float32 |", "|---|---|---|---|"]
    for key, label in SHOWN.items():
        of = stored["metrics"][key]
        interval = "" if of["low"] is None else f"{of['low']:.3f} to {of['high']:.3f}"
        rows.append(f"| {label} | {of['mean']:.4f} | {interval} | {full['metrics'][key]['mean']:.4f} |")
    crops = sum(stage["training"]["crops"] for stage in stages)
    seconds = sum(stage["training"]["seconds"] for stage in stages)
    text = "\n".join(
        [
            BEGIN,
            f"Trained on {len(data.splits['train'])} fields of `{data.name}` "
            f"({crops:,} crops, {seconds / 60:.0f} min on {manifest['device']}, seed "
            f"{manifest['seed']}), {stages[-1]['parameters']:,} parameters. Mean over the "
            f"{stored['n_images']} fields of the validation split, on which nothing was trained"
            + ("; the epoch was chosen by their PQ:" if config["evaluate"] == "best" else ":"),
            "",
            *rows,
            "",
            f"sha256 `{weights.sha256(STORED)}`, {STORED.stat().st_size / 1e6:.1f} MB.",
            END,
        ]
    )
    card = CARD.read_text(encoding="utf-8")
    head, _, rest = card.partition(BEGIN)
    write_text(CARD, head + text + rest.partition(END)[2])


if __name__ == "__main__":
    main()
