"""The training loop on Lightning Fabric: steps, validation, checkpoints and resuming."""

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
from fcrbench.compute.transfer import to_device
from fcrbench.config import TrainingConfig
from fcrbench.datasets.base import Sample
from fcrbench.errors import DataError, FcrbenchError
from fcrbench.io.choice import ANY, Choice
from fcrbench.methods.base import Method
from fcrbench.training.allocator import keep_freed_memory
from fcrbench.training.augment import Crops
from fcrbench.training.average import RunningMean
from fcrbench.training.batches import Batches, worker_count
from fcrbench.training.batchnorm import convert_sync_batchnorm
from fcrbench.training.checkpoint import load_state, save_state
from fcrbench.training.fields import training_fields
from fcrbench.training.group import ProcessGroup
from fcrbench.training.schedule import learning_rate
from fcrbench.weights.tensors import save_weights
from fcrbench.work.atomic import write_table
from fcrbench.work.interrupt import stop_flag

VALIDATION_SCORES = ("pq", "f1", "ap", "dice2", "aji")  # the scores that `validate` returns


class InterruptedTrainingError(FcrbenchError):
    """Training was stopped by a signal; its state is saved."""

    exit_code = 130


class Progress(Protocol):
    """What the training loop calls to report its progress."""

    def started(self, what: str) -> None: ...

    def step(self, step: int, total: int, loss: float) -> None: ...

    def validated(self, epoch: int, scores: dict[str, float]) -> None: ...


@dataclass(frozen=True)
class TrainingResult:
    """A finished training: the network to evaluate, and how much work it took."""

    network: nn.Module
    seconds: float
    steps: int
    crops: int


@dataclass
class TrainingState:
    """The progress of a training, without tensors. `sums` adds up the loss terms of the current epoch."""

    step: int = 0
    seconds: float = 0.0
    best: float = -1.0
    sums: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)


def build_network(method: Method, seed: int) -> nn.Module:
    """Build the network of a method; its weights are drawn with `seed`."""
    # Not fabric.seed_everything, which sets environment variables that later runs would see.
    torch.manual_seed(seed)
    return channels_last(method.build())


class Trainer:
    """Trains `network` on `samples`; writes history.csv, weights/ and checkpoints/ under `directory`.

    Several processes (see ProcessGroup) share each batch; the result is that of one process. Process 0 writes
    the files.

    network   as `build_network` returns it, on the host
    validate  returns the scores named in VALIDATION_SCORES of a network on the validation fields
    fresh     whether the weights are newly drawn. Trained weights are validated first, as epoch 0, and
              `Method.prepare` is not called
    choice    the channel and plane of the images, which is written into the weights
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
        choice: Choice = ANY,
    ) -> None:
        keep_freed_memory()
        self.name, self.method, self.config, self.choice = name, method, config, choice
        self.fabric, self.seed, self.directory = fabric, seed, directory
        self.group = ProcessGroup(fabric)
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
        if fresh:  # else the weights contain what the method prepared
            method.prepare(network, (self.crops[i][1] for i in range(len(self.crops))))
        self.fresh = fresh
        self.network = convert_sync_batchnorm(network) if self.group.world_size > 1 else network
        optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.module, self.optimiser = fabric.setup(self.network, optimiser)
        self.average = RunningMean(self.network, config.average) if config.average else None
        self.steps_per_epoch = math.ceil(len(self.crops) / config.batch_size)
        self.total_steps = config.epochs * self.steps_per_epoch
        self.state = TrainingState()

    @property
    def evaluated_network(self) -> nn.Module:
        """The network to validate: the running mean of the weights if there is one."""
        return self.average.network if self.average is not None else self.network

    @property
    def checkpoint(self) -> Path:
        return self.directory / "checkpoints" / "last.ckpt"

    def fit(self, stop_after: int | None = None) -> TrainingResult:
        """Train to the end, then close the group of processes: process 0 does what remains to be done.

        On Ctrl-C or SIGTERM the current step is completed, a checkpoint is saved, and
        InterruptedTrainingError is raised.

        stop_after  stop in the same way after this many epochs
        """
        if not (self.fresh or self.state.history):
            self._finish_epoch(0)
        self.group.use_separate_rng(self.seed, self.state.step)
        started = time.perf_counter() - self.state.seconds
        with stop_flag() as is_stopped_here, full_float32():

            def is_stopped() -> bool:
                return self.group.any_process(is_stopped_here())

            for epoch in range(self.state.step // self.steps_per_epoch, self.config.epochs):
                self._train_epoch(epoch, is_stopped)
                self.state.seconds = time.perf_counter() - started
                if self.state.step == (epoch + 1) * self.steps_per_epoch:
                    self._finish_epoch(epoch + 1)
                if is_stopped() or epoch + 1 == stop_after:
                    self.save()
                    self.group.close()
                    raise InterruptedTrainingError(
                        f"stopped after {self.state.step} of {self.total_steps} steps; nothing is lost, "
                        f"continue with: fcrbench run --resume {self.directory}"
                    )
        self._save_weights("last")
        self.group.close()
        crops = self.config.epochs * len(self.crops)
        return TrainingResult(self.evaluated_network, self.state.seconds, self.total_steps, crops)

    def save(self) -> None:
        """Write a checkpoint, from which `restore` continues with any number of processes."""
        if not self.group.is_main:
            return
        tensors = {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}
        if self.average is not None:
            tensors["average"] = self.average.state_dict()
        device = self.fabric.device
        cuda = [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []
        random = {"torch_rng": torch.get_rng_state(), "cuda_rng": cuda}
        save_state(self.checkpoint, {"state": vars(self.state), **tensors, **random})

    def restore(self) -> None:
        """Load the checkpoint. The training then ends as if it had never been stopped.

        Raises DataError if the checkpoint cannot be read or belongs to another training.
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
        self.state = TrainingState(**saved["state"])

    def _train_epoch(self, epoch: int, is_stopped: Callable[[], bool]) -> None:
        """Do the remaining steps of an epoch, or those until `is_stopped` returns True."""
        self.module.train()
        done = self.state.step - epoch * self.steps_per_epoch
        for images, labels in self.batches.iterate(epoch, done):
            self._step(images, labels)
            if is_stopped():
                return

    def _step(self, images: Tensor, labels: np.ndarray) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.config, self.state.step, self.steps_per_epoch)
        images = to_device(images, self.fabric.device).to(torch.float32, memory_format=torch.channels_last)
        batch_size = self._batch_size(self.state.step)
        output, labels = self.group.gather(self.module(images), labels, batch_size)
        losses = self.method.losses(output, labels, self.state.step / self.total_steps)
        self.optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(losses["loss"])
        if limit := self.config.clip_norm:
            self.fabric.clip_gradients(self.module, self.optimiser, max_norm=limit, error_if_nonfinite=False)
        self.optimiser.step()
        if self.average is not None:
            self.average.update(self.network)
        self.state.step += 1
        # Copied together: each copy to the host waits until the GPU has finished its step.
        terms = [value.detach().to(self.fabric.device, torch.float64) for value in losses.values()]
        values = dict(zip(losses, torch.stack(terms).tolist(), strict=True))
        if not math.isfinite(values["loss"]):
            raise FcrbenchError(
                f"the loss is {values['loss']} at step {self.state.step}: training diverged; "
                f"try a smaller training.learning_rate (now {self.config.learning_rate})"
            )
        for key, value in values.items():
            self.state.sums[key] = self.state.sums.get(key, 0.0) + value
        self.progress.step(self.state.step, self.total_steps, values["loss"])

    def _finish_epoch(self, epoch: int) -> None:
        """Write the history; every `validate_every` epochs, and after the last, also validate and save."""
        row = {"epoch": epoch, "step": self.state.step, "seconds": self.state.seconds}
        last = max(self.state.step - 1, 0)
        row["learning_rate"] = learning_rate(self.config, last, self.steps_per_epoch)
        row |= {key: value / self.steps_per_epoch for key, value in self.state.sums.items()}
        self.state.sums = {}
        validated = epoch % self.config.validate_every == 0 or epoch == self.config.epochs
        if validated and self.group.is_main:
            scores = self.validate(self.evaluated_network)
            row |= {f"val_{key}": scores[key] for key in VALIDATION_SCORES}
            if scores["pq"] > self.state.best:
                self.state.best = scores["pq"]
                self._save_weights("best")
            self.progress.validated(epoch, row)
        self.state.history.append(row)
        if self.group.is_main:
            self._write_history()
        if validated:
            self.save()

    def _batch_size(self, step: int) -> int:
        """Return the number of crops in the batch of a step, over all processes."""
        size = self.config.batch_size
        return min(size, len(self.crops) - size * (step % self.steps_per_epoch))

    def _save_weights(self, name: str) -> None:
        if self.group.is_main:
            path = self.directory / "weights" / f"{name}.safetensors"
            save_weights(path, self.evaluated_network, self.name, self.method, self.choice)

    def _write_history(self) -> None:
        leading = ["epoch", "step", "seconds", "learning_rate", "loss"]
        validated = [f"val_{key}" for key in VALIDATION_SCORES]
        table = pd.DataFrame(self.state.history)
        terms = [column for column in table.columns if column not in leading + validated]
        write_table(self.directory / "history.csv", table.reindex(columns=leading + terms + validated))
