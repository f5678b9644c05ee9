"""The training loop, on Lightning Fabric: steps, validation, checkpoints, resuming."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from fcrbench.compute.arithmetic import full_float32
from fcrbench.compute.device import channels_last
from fcrbench.compute.transfer import send
from fcrbench.config import TrainingConfig
from fcrbench.datasets.base import Sample
from fcrbench.errors import DataError, FcrbenchError
from fcrbench.methods.base import Method
from fcrbench.training.allocator import keep_freed_memory
from fcrbench.training.augment import Crops
from fcrbench.training.average import RunningMean
from fcrbench.training.batches import Batches, worker_count
from fcrbench.training.batchnorm import synchronise
from fcrbench.training.checkpoint import load_state, save_state
from fcrbench.training.fields import training_fields
from fcrbench.training.group import Group
from fcrbench.training.schedule import learning_rate
from fcrbench.weights.tensors import save_weights
from fcrbench.work.atomic import write_table
from fcrbench.work.interrupt import stop_flag

VALIDATED = ("pq", "f1", "ap", "dice2", "aji")


class InterruptedTrainingError(FcrbenchError):
    """Training was stopped by a signal; its state is saved."""

    exit_code = 130


class Progress(Protocol):
    """What a run tells whoever shows it."""

    def started(self, what: str) -> None: ...

    def step(self, step: int, total: int, loss: float) -> None: ...

    def validated(self, epoch: int, scores: dict[str, float]) -> None: ...


@dataclass(frozen=True)
class Training:
    """A finished training: the network that is evaluated, and what it took."""

    network: nn.Module
    seconds: float
    steps: int
    crops: int


@dataclass
class State:
    """What has been done, beside the tensors: `sums` are the loss terms of the running epoch."""

    step: int = 0
    seconds: float = 0.0
    best: float = -1.0
    sums: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)


def build_network(method: Method, seed: int) -> nn.Module:
    """The network of a method with fresh weights, drawn by `seed`."""
    # Not fabric.seed_everything: that leaves environment variables behind for later runs.
    torch.manual_seed(seed)
    return channels_last(method.build())


class Trainer:
    """Trains `network` on `samples`; writes history.csv, weights/ and checkpoints/ under `directory`.

    Several processes (see Group) share each batch; the result is that of one. The first of them writes.

    network   from `build_network`, on the host
    validate  the scores in VALIDATED of a network on the validation fields
    fresh     whether the weights are fresh; else they are validated first, as epoch 0
    """

    def __init__(
        self,
        name: str,
        method: Method,
        network: nn.Module,
        samples: list[Sample],
        config: TrainingConfig,
        *,
        fabric: Fabric,
        seed: int,
        directory: Path,
        validate: Callable[[nn.Module], dict[str, float]],
        progress: Progress,
        fresh: bool = True,
    ) -> None:
        keep_freed_memory()
        self.name, self.method, self.config = name, method, config
        self.fabric, self.seed, self.directory = fabric, seed, directory
        self.group = Group(fabric)
        self.validate, self.progress = validate, progress
        self.crops = Crops(
            *training_fields(samples, config, method.normalize),
            crop=config.crop,
            crops_per_image=config.crops_per_image,
            augment=config.augment,
            zoom=config.zoom,
            seed=seed,
        )
        self.batches = Batches(
            self.crops,
            config.batch_size,
            seed=seed,
            group=self.group,
            workers=worker_count(config.workers, fabric.device),
        )
        if fresh:  # else what the method prepared came with the weights
            method.prepare(network, (self.crops[i][1] for i in range(len(self.crops))))
        self.fresh, self.network = fresh, synchronise(network) if self.group.size > 1 else network
        optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.module, self.optimiser = fabric.setup(self.network, optimiser)
        self.average = RunningMean(self.network, config.average) if config.average else None
        self.steps_per_epoch = math.ceil(len(self.crops) / config.batch_size)
        self.total = config.epochs * self.steps_per_epoch
        self.state = State()

    @property
    def evaluated(self) -> nn.Module:
        """The network that is validated: the running mean of the weights where there is one."""
        return self.average.network if self.average is not None else self.network

    @property
    def checkpoint(self) -> Path:
        return self.directory / "checkpoints" / "last.ckpt"

    def fit(self, stop_after: int | None = None) -> Training:
        """Train to the end. Ctrl-C or SIGTERM ends the step, saves and raises InterruptedTrainingError.

        Several processes are no longer a group afterwards: what remains to be done is for the first.

        stop_after  stop as on Ctrl-C after this many epochs
        """
        if not (self.fresh or self.state.history):
            self._finish_epoch(0)
        self.group.draw_apart(self.seed, self.state.step)
        started = time.perf_counter() - self.state.seconds
        with stop_flag() as asked, full_float32():

            def stop() -> bool:
                return self.group.any(asked())

            for epoch in range(self.state.step // self.steps_per_epoch, self.config.epochs):
                self._train_epoch(epoch, stop)
                self.state.seconds = time.perf_counter() - started
                if self.state.step == (epoch + 1) * self.steps_per_epoch:
                    self._finish_epoch(epoch + 1)
                if stop() or epoch + 1 == stop_after:
                    self.save()
                    self.group.leave()
                    raise InterruptedTrainingError(
                        f"stopped after {self.state.step} of {self.total} steps; nothing is lost, "
                        f"continue with: fcrbench run --resume {self.directory}"
                    )
        self._save_weights("last")
        self.group.leave()
        crops = self.config.epochs * len(self.crops)
        return Training(self.evaluated, self.state.seconds, self.total, crops)

    def save(self) -> None:
        """Write the checkpoint that `restore` continues from, with any number of processes."""
        if not self.group.first:
            return
        tensors = {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}
        if self.average is not None:
            tensors["average"] = self.average.state_dict()
        device = self.fabric.device
        cuda = [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []
        random = {"torch_rng": torch.get_rng_state(), "cuda_rng": cuda}
        save_state(self.checkpoint, {"state": vars(self.state), **tensors, **random})

    def restore(self) -> None:
        """Continue from the checkpoint; what follows equals a training that was never stopped.

        Raises DataError when it cannot be read or is of another training.
        """
        saved = load_state(self.checkpoint)
        try:
            self._restore(saved)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            found = str(error).splitlines()[-1].strip()
            raise DataError(f"{self.checkpoint} is not of this training: {found}") from error

    def _restore(self, saved: dict[str, Any]) -> None:
        self.network.load_state_dict(saved["network"])
        self.optimiser.load_state_dict(saved["optimiser"])
        if self.average is not None:
            self.average.load_state_dict(saved["average"])
        torch.set_rng_state(saved["torch_rng"])
        if saved["cuda_rng"] and self.fabric.device.type == "cuda":  # else resumed on another device
            torch.cuda.set_rng_state(saved["cuda_rng"][0], self.fabric.device)
        self.state = State(**saved["state"])

    def _train_epoch(self, epoch: int, stop: Callable[[], bool]) -> None:
        """The steps of an epoch that are still to be done, until asked to stop."""
        self.module.train()
        done = self.state.step - epoch * self.steps_per_epoch
        for images, labels in self.batches.of(epoch, done):
            self._step(images, labels)
            if stop():
                return

    def _step(self, images: Tensor, labels: np.ndarray) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.config, self.state.step, self.steps_per_epoch)
        images = send(images, self.fabric.device).to(torch.float32, memory_format=torch.channels_last)
        total = self._batch_size(self.state.step)
        output, labels = self.group.whole(self.module(images), labels, total)
        losses = self.method.losses(output, labels, self.state.step / self.total)
        self.optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(losses["loss"])
        if limit := self.config.clip_norm:
            self.fabric.clip_gradients(self.module, self.optimiser, max_norm=limit, error_if_nonfinite=False)
        self.optimiser.step()
        if self.average is not None:
            self.average.update(self.network)
        self.state.step += 1
        # Read at once: the GPU has to finish its step for each reading.
        terms = [value.detach().to(self.fabric.device, torch.float64) for value in losses.values()]
        values = dict(zip(losses, torch.stack(terms).tolist(), strict=True))
        if not math.isfinite(values["loss"]):
            raise FcrbenchError(
                f"the loss is {values['loss']} at step {self.state.step}: training diverged; "
                f"try a smaller training.learning_rate (now {self.config.learning_rate})"
            )
        for key, value in values.items():
            self.state.sums[key] = self.state.sums.get(key, 0.0) + value
        self.progress.step(self.state.step, self.total, values["loss"])

    def _finish_epoch(self, epoch: int) -> None:
        """Validate and save where it is time to, and write the history."""
        row = {"epoch": epoch, "step": self.state.step, "seconds": self.state.seconds}
        last = max(self.state.step - 1, 0)
        row["learning_rate"] = learning_rate(self.config, last, self.steps_per_epoch)
        row |= {key: value / self.steps_per_epoch for key, value in self.state.sums.items()}
        self.state.sums = {}
        validated = epoch % self.config.validate_every == 0 or epoch == self.config.epochs
        if validated and self.group.first:
            scores = self.validate(self.evaluated)
            row |= {f"val_{key}": scores[key] for key in VALIDATED}
            if scores["pq"] > self.state.best:
                self.state.best = scores["pq"]
                self._save_weights("best")
            self.progress.validated(epoch, row)
        self.state.history.append(row)
        if self.group.first:
            self._write_history()
        if validated:
            self.save()

    def _batch_size(self, step: int) -> int:
        """Crops in the batch of one step, all processes together."""
        size = self.config.batch_size
        return min(size, len(self.crops) - size * (step % self.steps_per_epoch))

    def _save_weights(self, name: str) -> None:
        if self.group.first:
            path = self.directory / "weights" / f"{name}.safetensors"
            save_weights(path, self.evaluated, self.name, self.method)

    def _write_history(self) -> None:
        leading = ["epoch", "step", "seconds", "learning_rate", "loss"]
        validated = [f"val_{key}" for key in VALIDATED]
        table = pd.DataFrame(self.state.history)
        terms = [column for column in table.columns if column not in leading + validated]
        write_table(self.directory / "history.csv", table.reindex(columns=leading + terms + validated))
