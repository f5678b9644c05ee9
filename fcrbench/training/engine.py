"""The training loop, on Lightning Fabric: seeds, precision, devices, checkpoints, validation."""

import logging
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, RandomSampler

from fcrbench.atomic import atomic_path
from fcrbench.config import TrainingConfig
from fcrbench.datasets.base import Sample
from fcrbench.errors import FcrbenchError, UsageError
from fcrbench.methods.base import Method
from fcrbench.training.allocator import keep_freed_memory
from fcrbench.training.augment import Crops
from fcrbench.training.checkpoint import load_state, save_state, save_weights

VALIDATED = ("pq", "f1", "ap", "dice2", "aji")


class InterruptedTrainingError(FcrbenchError):
    """Training was stopped by a signal; its state is saved."""

    exit_code = 130


class Progress(Protocol):
    """What the engine tells whoever shows it."""

    def step(self, step: int, total: int, loss: float) -> None: ...

    def validated(self, epoch: int, scores: dict[str, float]) -> None: ...


@dataclass
class Training:
    """A finished training: the network that is evaluated, and what it took."""

    network: nn.Module
    seconds: float
    steps: int
    crops: int
    history: list[dict[str, float]] = field(default_factory=list)


def learning_rate(config: TrainingConfig, step: int, total: int, steps_per_epoch: int) -> float:
    """The rate of one step, a function of the step alone, so that resuming needs no scheduler state."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.schedule == "staircase":
        return config.learning_rate * config.decay ** (step // (steps_per_epoch * config.decay_epochs))
    share = (step - config.warmup_steps) / max(total - config.warmup_steps, 1)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


def make_fabric(device: str, precision: str) -> Fabric:
    """Fabric on "auto", "cpu", "cuda" or "cuda:N". Raises UsageError when CUDA is asked for and absent."""
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and not number.isdigit()):
        raise UsageError(f"--device {device}: expected auto, cpu, cuda or cuda:N")
    if kind == "cuda" and not torch.cuda.is_available():
        raise FcrbenchError(f"--device {device}: no CUDA device found; use --device cpu or auto")
    if number and int(number) >= torch.cuda.device_count():
        raise FcrbenchError(f"--device {device}: this machine has {torch.cuda.device_count()} CUDA device(s)")
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "cpu"
    if precision == "auto":
        precision = "bf16" if _computes_bfloat16(kind) else "32"
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces the precision each time
    return Fabric(
        accelerator=kind,
        devices=[int(number)] if number else 1,
        precision="bf16-mixed" if precision == "bf16" else "32-true",
    )


def channels_last(network: nn.Module) -> nn.Module:
    """The network with its weights in the memory order that convolutions are fastest in."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _computes_bfloat16(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())


def train(
    name: str,
    method: Method,
    samples: list[Sample],
    config: TrainingConfig,
    *,
    fabric: Fabric,
    seed: int,
    directory: Path,
    validate: Callable[[nn.Module], dict[str, float]],
    progress: Progress,
    resume: bool = False,
    stop_after: int | None = None,
) -> Training:
    """Train `method` on `samples`; write history.csv, weights/ and checkpoints/ under `directory`.

    validate    the scores in VALIDATED of a network on the validation fields
    resume      continue from checkpoints/last.ckpt; equals a run that was never stopped
    stop_after  stop as on Ctrl-C after this many epochs

    Ctrl-C or SIGTERM ends the step, saves and raises InterruptedTrainingError.
    """
    keep_freed_memory()
    # Not fabric.seed_everything: that leaves environment variables behind for later runs.
    torch.manual_seed(seed)
    network = channels_last(method.build())
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    module, optimiser = fabric.setup(network, optimiser)
    average = (
        AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(config.average), use_buffers=True)
        if config.average
        else None
    )
    crops = Crops(
        [method.normalize(sample.image) for sample in samples],
        [sample.labels for sample in samples],
        crop=config.crop,
        crops_per_image=config.crops_per_image,
        augment=config.augment,
        seed=seed,
    )
    steps_per_epoch = math.ceil(len(crops) / config.batch_size)
    total = config.epochs * steps_per_epoch
    state: dict[str, Any] = {"step": 0, "seconds": 0.0, "best": -1.0, "history": [], "sums": {}}
    last = directory / "checkpoints" / "last.ckpt"

    def save() -> None:
        tensors = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
        if average is not None:
            tensors["average"] = average.state_dict()
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        save_state(last, state | tensors | {"torch_rng": torch.get_rng_state(), "cuda_rng": cuda})

    if resume:
        saved = load_state(last)
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        if average is not None:
            average.load_state_dict(saved["average"])
        torch.set_rng_state(saved["torch_rng"])
        if len(saved["cuda_rng"]) == torch.cuda.device_count():  # else resumed on another machine
            torch.cuda.set_rng_state_all(saved["cuda_rng"])
        state = {key: saved[key] for key in state}

    evaluated = average.module if average is not None else network
    started = time.perf_counter() - state["seconds"]
    with _stop_flag() as stop:
        for epoch in range(state["step"] // steps_per_epoch, config.epochs):
            module.train()
            crops.epoch = epoch
            done = state["step"] - epoch * steps_per_epoch
            for images, labels in islice(_batches(crops, config, seed, epoch), done, None):
                rate = learning_rate(config, state["step"], total, steps_per_epoch)
                for group in optimiser.param_groups:
                    group["lr"] = rate
                images = images.to(fabric.device, memory_format=torch.channels_last)
                losses = method.losses(module(images), labels, state["step"] / total)
                optimiser.zero_grad(set_to_none=True)
                fabric.backward(losses["loss"])
                if config.clip_norm:
                    fabric.clip_gradients(
                        module, optimiser, max_norm=config.clip_norm, error_if_nonfinite=False
                    )
                optimiser.step()
                if average is not None:
                    average.update_parameters(network)
                state["step"] += 1
                values = {key: float(value.detach()) for key, value in losses.items()}
                if not math.isfinite(values["loss"]):
                    raise FcrbenchError(
                        f"the loss is {values['loss']} at step {state['step']}: training diverged; "
                        f"try a smaller training.learning_rate (now {config.learning_rate})"
                    )
                for key, value in values.items():
                    state["sums"][key] = state["sums"].get(key, 0.0) + value
                progress.step(state["step"], total, values["loss"])
                if stop():
                    break
            if state["step"] == (epoch + 1) * steps_per_epoch:
                row = {"epoch": epoch + 1, "step": state["step"], "learning_rate": rate}
                row |= {key: value / steps_per_epoch for key, value in state["sums"].items()}
                state["sums"] = {}
                if (epoch + 1) % config.validate_every == 0 or epoch + 1 == config.epochs:
                    scores = validate(evaluated)
                    row |= {f"val_{key}": scores[key] for key in VALIDATED}
                    if scores["pq"] > state["best"]:
                        state["best"] = scores["pq"]
                        save_weights(directory / "weights" / "best.safetensors", evaluated, name, method)
                row["seconds"] = state["seconds"] = time.perf_counter() - started
                state["history"].append(row)
                _write_history(directory / "history.csv", state["history"])
                if "val_pq" in row:
                    progress.validated(epoch + 1, row)
                    save()
            if stop() or epoch + 1 == stop_after:
                state["seconds"] = time.perf_counter() - started
                save()
                raise InterruptedTrainingError(
                    f"stopped after {state['step']} of {total} steps; nothing is lost, "
                    f"continue with: fcrbench run --resume {directory}"
                )
    save_weights(directory / "weights" / "last.safetensors", evaluated, name, method)
    return Training(evaluated, state["seconds"], total, config.epochs * len(crops), state["history"])


def _batches(
    crops: Crops, config: TrainingConfig, seed: int, epoch: int
) -> Iterator[tuple[Tensor, np.ndarray]]:
    order = RandomSampler(crops, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
    return iter(
        DataLoader(
            crops,
            batch_size=config.batch_size,
            sampler=order,
            num_workers=config.workers,
            collate_fn=_collate,
        )
    )


def _collate(items: list[tuple[Tensor, np.ndarray]]) -> tuple[Tensor, np.ndarray]:
    return torch.stack([image for image, _ in items]), np.stack([labels for _, labels in items])


def _write_history(path: Path, rows: list[dict[str, float]]) -> None:
    leading = ["epoch", "step", "seconds", "learning_rate", "loss"]
    table = pd.DataFrame(rows)
    validated = [f"val_{key}" for key in VALIDATED]
    terms = [c for c in table.columns if c not in leading + validated]
    with atomic_path(path) as temporary:
        table.reindex(columns=leading + terms + validated).to_csv(temporary, index=False)


@contextmanager
def _stop_flag() -> Iterator[Callable[[], bool]]:
    """A function that tells whether Ctrl-C or SIGTERM came; a second Ctrl-C stops at once."""
    received: list[int] = []

    def receive(number: int, _: object) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)

    old = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
