"""Batches of crops, and the worker processes that prepare them."""

import os
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, Sampler

from fcrbench.training.augment import Crops
from fcrbench.training.group import ProcessGroup

MAX_AUTO_WORKERS = 4


class Batches:
    """The batches of all epochs, or this process's shard of each. They depend only on seed and epoch.

    workers   number of processes that prepare crops and live as long as the training; 0: the main process
              prepares them
    """

    def __init__(
        self, crops: Crops, batch_size: int, *, seed: int, group: ProcessGroup, workers: int
    ) -> None:
        self._sampler = _ShardSampler(len(crops), batch_size, seed, group)
        self._loader = DataLoader(
            crops,
            batch_sampler=self._sampler,
            num_workers=workers,
            persistent_workers=workers > 0,
            collate_fn=partial(_collate, side=crops.crop),
            # The loader draws a number whenever it starts. Drawn from the global generator, it would change
            # what random layers draw in an epoch that is resumed.
            generator=torch.Generator(),
        )

    def iterate(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, np.ndarray]]:
        """Yield images and labels of an epoch, beginning with its batch number `first`."""
        self._sampler.epoch, self._sampler.first = epoch, first
        return iter(self._loader)


class _ShardSampler(Sampler[list[int]]):
    """Yields the indices into Crops of this process's shard of each batch of an epoch."""

    def __init__(self, n_crops: int, batch_size: int, seed: int, group: ProcessGroup) -> None:
        self.n_crops, self.batch_size, self.seed, self.group = n_crops, batch_size, seed, group
        self.epoch, self.first = 0, 0

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = RandomSampler(range(self.n_crops), generator=generator)
        offset = self.epoch * self.n_crops
        for batch in islice(BatchSampler(order, self.batch_size, drop_last=False), self.first, None):
            yield self.group.shard([offset + i for i in batch])


def worker_count(workers: int | Literal["auto"], device: torch.device) -> int:
    """Return how many processes prepare crops for a process that computes on `device`.

    "auto": none on the CPU, whose cores are busy with the network; on CUDA the free cores, up to
    MAX_AUTO_WORKERS.
    """
    if workers != "auto":
        return workers
    if device.type != "cuda":
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    return min(max(cores // processes - 1, 0), MAX_AUTO_WORKERS)


def _collate(items: list[tuple[Tensor, np.ndarray]], side: int) -> tuple[Tensor, np.ndarray]:
    if not items:  # the last batch may have fewer crops than there are processes
        return torch.zeros(0, 1, side, side), np.zeros((0, side, side), np.int32)
    return torch.stack([image for image, _ in items]), np.stack([labels for _, labels in items])
