"""One run from start to end: data set -> method -> training -> instances -> metrics -> report."""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from lightning_fabric import Fabric

from fcrbench import datasets, manifest, report
from fcrbench.atomic import write_json, write_text
from fcrbench.config import RunConfig, read_toml
from fcrbench.configure import configure
from fcrbench.datasets import Dataset, Sample
from fcrbench.errors import DataError, FcrbenchError, UsageError
from fcrbench.evaluation import mean_scores, predict_and_score, summarise
from fcrbench.inference import Predictor
from fcrbench.methods import Method, registry
from fcrbench.training.checkpoint import load_weights, save_weights
from fcrbench.training.device import make_fabric
from fcrbench.training.engine import Progress, Trainer, Training, build_network


def start(config: RunConfig, runs: Path, progress: Progress, stop_after: int | None = None) -> Path:
    """Make a new run directory under `runs` and do the whole run in it; returns the directory."""
    digest = hashlib.sha256(config.to_toml().encode()).hexdigest()[:8]
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = runs / f"{stamp}-{config.dataset.name}-{config.method}-{digest}"
    # All that can be wrong with method, data and device shows before the folder is made.
    method = create_method(config)
    data = read_data(config)
    fabric = make_fabric(config.device, config.training.precision)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise FcrbenchError(f"cannot make {folder}: {error.strerror}") from error
    write_text(folder / "config.toml", config.to_toml())
    return _complete(config, method, data, fabric, folder, progress, resume=False, stop_after=stop_after)


def resume(folder: Path, progress: Progress, stop_after: int | None = None) -> Path:
    """Finish an interrupted run; what is done is kept."""
    if not (folder / "config.toml").is_file():
        raise DataError(f"{folder} is not a run directory: no config.toml in it")
    config = configure(read_toml(folder / "config.toml"))
    method = create_method(config)
    data = read_data(config)
    fabric = make_fabric(config.device, config.training.precision)
    started = (folder / "checkpoints" / "last.ckpt").is_file()
    return _complete(config, method, data, fabric, folder, progress, resume=started, stop_after=stop_after)


def create_method(config: RunConfig) -> Method:
    """The run's method. Raises UsageError when its network cannot take the crops."""
    method = registry.create(config.method, config.preset, **config.options)
    if config.training.crop % method.stride:
        raise UsageError(
            f"training.crop is {config.training.crop}; expected a multiple of {method.stride} "
            f"for {config.method}, whose network halves its input so often"
        )
    return method


@dataclass(frozen=True)
class Data:
    """A data set and its fields that a run trains on and validates with."""

    dataset: Dataset
    train: list[Sample]
    val: list[Sample]


def read_data(config: RunConfig) -> Data:
    """Read the run's fields. Raises DataError when one is bad, or there is none to train or validate with."""
    chosen = config.dataset
    dataset = datasets.create(chosen.name, chosen.root or None, **chosen.options)
    for split in ("train", "val"):
        if not dataset.splits.get(split):
            raise DataError(f"data set {chosen.name} has no field in its {split!r} split")
    return Data(dataset, list(dataset.samples("train")), list(dataset.samples("val")))


def _complete(
    config: RunConfig,
    method: Method,
    data: Data,
    fabric: Fabric,
    folder: Path,
    progress: Progress,
    *,
    resume: bool,
    stop_after: int | None,
) -> Path:
    network = build_network(method, config.seed)
    parameters = sum(p.numel() for p in network.parameters())
    progress.started(
        f"{config.method} ({config.preset}) on {config.dataset.name}: {len(data.train)} fields to train on, "
        f"{len(data.val)} to validate; in {folder}"
    )
    trainer = None
    if parameters:
        trainer = Trainer(
            config.method,
            method,
            network,
            data.train,
            config.training,
            fabric=fabric,
            seed=config.seed,
            directory=folder,
            validate=lambda trained: mean_scores(Predictor(method, trained, fabric), data.val),
            progress=progress,
        )
        if resume:
            trainer.restore()
    write_json(
        folder / "manifest.json",
        manifest.describe_environment()
        | {
            "device": manifest.describe_device(fabric.device),
            "seed": config.seed,
            "dataset": manifest.describe_dataset(data.dataset, {"train": data.train, "val": data.val}),
            "method": manifest.describe_method(config, parameters),
        },
    )
    if trainer:
        training = trainer.fit(stop_after)
        if config.evaluate == "best":
            load_weights(folder / "weights" / "best.safetensors", training.network)
    else:  # the file of weights tells `fcrbench predict` the method and its options
        save_weights(folder / "weights" / "last.safetensors", network, config.method, method)
        training = Training(network.to(fabric.device), seconds=0.0, steps=0, crops=0)
    predictor = Predictor(method, training.network, fabric)
    scores = predict_and_score(predictor, data.val, folder)
    write_json(folder / "summary.json", summarise(scores, predictor, data.val, training, parameters))
    report.write_report(folder, data.dataset)
    return folder
