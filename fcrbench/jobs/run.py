"""One run from start to end: data set -> method -> training -> instances -> metrics -> report."""

import hashlib
import json
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from lightning_fabric import Fabric
from torch import nn

from fcrbench import report, weights
from fcrbench.compute.arithmetic import deterministic_algorithms
from fcrbench.compute.device import make_fabric
from fcrbench.compute.processes import rank
from fcrbench.config import RunConfig, read_toml
from fcrbench.datasets import Dataset, Sample
from fcrbench.errors import DataError, FcrbenchError, UsageError
from fcrbench.evaluation.evaluate import mean_scores, predict_and_score, summarise
from fcrbench.inference import Predictor
from fcrbench.jobs import manifest
from fcrbench.jobs.configure import fill
from fcrbench.jobs.fields import create_dataset, read_fields, warn_about_labels
from fcrbench.methods import Method, registry
from fcrbench.training.batches import worker_count
from fcrbench.training.engine import Progress, Trainer, build_network
from fcrbench.weights.tensors import load_weights, save_weights
from fcrbench.work.atomic import remove_abandoned, write_json, write_text
from fcrbench.work.failures import Failures


def start(config: RunConfig, runs: Path, progress: Progress, stop_after: int | None = None) -> Path:
    """Create a run directory under `runs`, do the whole run in it, and return the directory."""
    digest = hashlib.sha256(config.to_toml().encode()).hexdigest()[:8]
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = runs / f"{stamp}-{config.dataset.name}-{config.method}-{digest}"
    # Check method, weights, data and device before creating the folder.
    method = create_method(config)
    network = create_network(config, method)
    data = read_data(config)
    given = manifest.describe_weights(config)
    fabric = create_fabric(config)
    if fabric.is_global_zero:
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise FcrbenchError(f"cannot create {folder}: {error.strerror}") from error
        write_text(folder / "config.toml", config.to_toml())
    folder = fabric.broadcast(folder)  # the name contains the time, so processes would disagree
    run = _Run(config, method, network, data, fabric, given, folder)
    with run.arithmetic():
        return _complete(run, progress, resume=False, stop_after=stop_after)


def resume(folder: Path, progress: Progress, stop_after: int | None = None) -> Path:
    """Finish an interrupted run and keep the work that is done. Return its directory."""
    if not (folder / "config.toml").is_file():
        raise DataError(f"{folder} is not a run directory: no config.toml in it")
    values = read_toml(folder / "config.toml")
    if "method" not in values:  # it would be another run, of the default method
        raise DataError(f"{folder / 'config.toml'} is damaged: it names no method")
    config = fill(values)
    for place in (folder, *(path for path in folder.iterdir() if path.is_dir())):
        remove_abandoned(place)
    method = create_method(config)
    data = read_data(config)
    started = (folder / "checkpoints" / "last.ckpt").is_file()
    recorded = _recorded_weights(folder)
    if started:  # the checkpoint replaces the initial weights
        network, given = build_network(method, config.seed), recorded
    else:
        given = manifest.describe_weights(config)
        if recorded and given and given["sha256"] != recorded["sha256"]:
            raise DataError(f"the weights {config.given_weights} have changed since {folder} was started")
        network = create_network(config, method)
    run = _Run(config, method, network, data, create_fabric(config), given, folder)
    with run.arithmetic():
        return _complete(run, progress, resume=started, stop_after=stop_after)


def _recorded_weights(folder: Path) -> dict[str, str] | None:
    """Return what the manifest of an interrupted run says about its initial weights."""
    path = folder / "manifest.json"
    try:
        found: dict[str, str] | None = json.loads(path.read_text(encoding="utf-8")).get("weights")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    return found


def create_method(config: RunConfig) -> Method:
    """Create the method of the run. Raise UsageError if its network cannot take crops of this size."""
    method = registry.create(config.method, config.preset, **config.options)
    if config.training.crop % method.stride:
        raise UsageError(
            f"training.crop is {config.training.crop}; expected a multiple of {method.stride} "
            f"for {config.method}, because its network halves the input repeatedly"
        )
    return method


def create_fabric(config: RunConfig) -> Fabric:
    """Create the Fabric of the run, which joins all processes that share the training."""
    fabric = make_fabric(config.device, config.training.precision, distributed=True)
    if config.training.batch_size < fabric.world_size:
        raise UsageError(
            f"training.batch_size is {config.training.batch_size}; expected at least {fabric.world_size}, "
            "the number of processes that share each batch"
        )
    return fabric


def create_network(config: RunConfig, method: Method) -> nn.Module:
    """Create the network of the run and load given weights. Raise DataError if they do not fit."""
    network = build_network(method, config.seed)
    if config.given_weights:
        load_weights(weights.resolve(config.given_weights), network)
    return network


@dataclass(frozen=True)
class Data:
    """A data set with the fields for training (none if the run does not train) and for validation."""

    dataset: Dataset
    train: list[Sample]
    val: list[Sample]


def read_data(config: RunConfig) -> Data:
    """Read the fields of the run.

    Raises DataError if there are none to train or to validate with. Also raises DataError, listing them, if
    some fields are bad, because a training without them would not be what the user asked for.
    """
    chosen = config.dataset
    dataset = create_dataset(chosen.name, chosen.root or None, chosen.options, config.given_weights)
    splits = ("val",) if config.weights else ("train", "val")
    for split in splits:
        if not dataset.splits.get(split):
            raise DataError(f"data set {chosen.name} has no field in its {split!r} split")
    failures = Failures()
    read = {split: read_fields(dataset, dataset.splits[split], failures) for split in splits}
    failures.finish(sum(len(dataset.splits[split]) for split in splits), "read", partly=False)
    if rank() == 0:
        warn_about_labels(dataset)
    return Data(dataset, read.get("train", []), read["val"])


@dataclass(frozen=True)
class _Run:
    """All parts of a run. `weights_record` describes its initial weights, see manifest.describe_weights."""

    config: RunConfig
    method: Method
    network: nn.Module
    data: Data
    fabric: Fabric
    weights_record: dict[str, str] | None
    folder: Path

    def arithmetic(self) -> AbstractContextManager[None]:
        """Return a context that makes the arithmetic deterministic if the configuration asks for it."""
        return deterministic_algorithms(self.fabric.device) if self.config.deterministic else nullcontext()

    @property
    def is_repeatable(self) -> bool:
        """Whether the same run on the same machine gives the same bits."""
        return self.config.deterministic or self.fabric.device.type == "cpu"


def _complete(run: _Run, progress: Progress, *, resume: bool, stop_after: int | None) -> Path:
    config, method, network, data, fabric = run.config, run.method, run.network, run.data, run.fabric
    folder = run.folder
    parameters = sum(p.numel() for p in network.parameters())
    if config.weights:
        what = f"weights {config.weights} ({config.method})"
        fields = f"{len(data.val)} fields to score"
    else:
        what = f"{config.method} ({config.preset})" + (f" from weights {config.init}" if config.init else "")
        fields = f"{len(data.train)} fields to train on, {len(data.val)} to validate"
    progress.started(f"{what} on {config.dataset.name}: {fields}; in {folder}")
    if config.deterministic and fabric.device.type == "cpu":
        progress.started(
            "deterministic = true changes nothing here: the CPU repeats runs bit for bit without it"
        )
    workers = worker_count(config.training.workers, fabric.device)
    if not config.weights and config.training.workers == "auto" and workers:
        progress.started(f"{workers} processes prepare the crops; training.workers sets how many")
    trainer = None
    if parameters and not config.weights:
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
            fresh=not config.init,
            choice=data.dataset.choice,
        )
        if resume:
            trainer.restore()
    if fabric.is_global_zero:
        _write_manifest(run, parameters)
    training = trainer.fit(stop_after) if trainer else None
    if not fabric.is_global_zero:
        return folder  # the first process does the rest
    if training:
        network = training.network
        if config.evaluate == "best":
            load_weights(folder / "weights" / "best.safetensors", network)
    else:  # `fcrbench predict` reads the method and its options from the file of weights
        path = folder / "weights" / "last.safetensors"
        save_weights(path, network, config.method, method, data.dataset.choice)
    predictor = Predictor(method, network.to(fabric.device), fabric)
    failures = Failures(folder / "failed.csv")
    scores = predict_and_score(predictor, data.val, folder, failures)
    write_json(folder / "summary.json", summarise(scores, predictor, data.val, training, parameters))
    report.write_report(folder, data.dataset)
    failures.finish(len(data.val), "segmented")
    return folder


def _write_manifest(run: _Run, parameters: int) -> None:
    data = run.data
    read = {"train": data.train, "val": data.val} if data.train else {"val": data.val}
    write_json(
        run.folder / "manifest.json",
        manifest.describe_environment()
        | {
            "device": manifest.describe_device(run.fabric.device),
            "processes": run.fabric.world_size,
            "deterministic": run.is_repeatable,
            "seed": run.config.seed,
            "dataset": manifest.describe_dataset(data.dataset, read),
            "method": manifest.describe_method(run.config, parameters),
        }
        | ({"weights": run.weights_record} if run.weights_record else {}),
    )
