"""Builds the manifest of a run: versions, machine, data, method."""

import hashlib
import os
import platform
import shlex
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcrbench import __version__, weights
from fcrbench.config import RunConfig
from fcrbench.datasets import registry as registry_of_datasets
from fcrbench.datasets.base import Dataset, Sample
from fcrbench.methods import registry

if TYPE_CHECKING:
    import torch

PACKAGES = ("numpy", "scipy", "numba", "pandas", "torch", "lightning-fabric", "imagecodecs", "tifffile")


def describe_environment() -> dict[str, Any]:
    """Describe versions and hardware as plain values."""
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "fcrbench": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["fcrbench", *sys.argv[1:]]),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "packages": packages,
    }


def describe_device(device: "torch.device") -> str:
    """Return "cpu", or the CUDA device with its name."""
    if device.type != "cuda":
        return device.type
    import torch

    return f"{device} {torch.cuda.get_device_name(device)}"


def describe_method(config: RunConfig, parameters: int) -> dict[str, Any]:
    """Describe the method of a run with all its options."""
    plugin = registry.installed()[config.method]
    spec = plugin.spec
    return {
        "name": spec.name,
        "package": plugin.package,
        "title": spec.title,
        "paper": spec.paper,
        "preset": config.preset,
        "parameters": parameters,
        "options": dict(config.options),
    }


def describe_weights(config: RunConfig) -> dict[str, str] | None:
    """Describe the initial weights of a run: name, sha256 and use. None for new weights."""
    if not config.given_weights:
        return None
    digest = weights.sha256(weights.resolve(config.given_weights))
    use = "scored as they are" if config.weights else "start of the training"
    return {"name": config.given_weights, "sha256": digest, "use": use}


def describe_dataset(dataset: Dataset, read: Mapping[str, Iterable[Sample]]) -> dict[str, Any]:
    """Describe a data set: name, package, origin, ids by split, and the sha256 of the read splits."""
    return {
        "name": dataset.name,
        "package": registry_of_datasets.installed()[dataset.name].package,
        "title": dataset.title,
        "licence": dataset.licence,
        "citation": dataset.citation,
        "source": dataset.source,
        "channel": dataset.choice.channel,
        "plane": dataset.choice.plane,
        "splits": {split: list(ids) for split, ids in dataset.splits.items()},
        "sha256": {split: hash_samples(samples) for split, samples in read.items()},
    }


def hash_samples(samples: Iterable[Sample]) -> str:
    """Return the sha256 of the ids, pixels and labels of fields, in order."""
    digest = hashlib.sha256()
    for sample in samples:
        for array in (sample.image, sample.labels):
            digest.update(f"{sample.id} {array.dtype.str} {array.shape} ".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
