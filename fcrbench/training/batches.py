"""Batches of crops, and the processes that prepare them."""

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
from fcrbench.training.group import Group

MOST_WORKERS = 4  # by default


class Batches:
    """This process's share of the batches of all epochs; they are a function of seed and epoch alone.

    workers   processes that prepare crops, 0: this one; they stay from one epoch to the next
    """

    def __init__(self, crops: Crops, batch_size: int, *, seed: int, group: Group, workers: int) -> None:
        self._numbers = _Numbers(len(crops), batch_size, seed, group)
        self._loader = DataLoader(
            crops,
            batch_sampler=self._numbers,
            num_workers=workers,
            persistent_workers=workers > 0,
            collate_fn=partial(_collate, side=crops.crop),
            # The loader draws a number whenever it starts: from the global generator, that would move the
            # random layers of an epoch that is gone on with.
            generator=torch.Generator(),
        )

    def of(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, np.ndarray]]:
        """Images and labels, from batch number `first` of the epoch on."""
        self._numbers.epoch, self._numbers.first = epoch, first
        return iter(self._loader)


class _Numbers(Sampler[list[int]]):
    """Which crops, see Crops, are in this process's share of each batch of an epoch."""

    def __init__(self, crops: int, batch_size: int, seed: int, group: Group) -> None:
        self.crops, self.batch_size, self.seed, self.group = crops, batch_size, seed, group
        self.epoch, self.first = 0, 0

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = RandomSampler(range(self.crops), generator=generator)
        before = self.epoch * self.crops
        for batch in islice(BatchSampler(order, self.batch_size, drop_last=False), self.first, None):
            yield self.group.share([before + i for i in batch])


def worker_count(asked: int | Literal["auto"], device: torch.device) -> int:
    """How many processes prepare crops for one that computes on `device`.

    "auto": none on the CPU, whose cores compute; on CUDA the cores that are left, up to MOST_WORKERS.
    """
    if asked != "auto":
        return asked
    if device.type != "cuda":
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    together = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    return min(max(cores // together - 1, 0), MOST_WORKERS)


def _collate(items: list[tuple[Tensor, np.ndarray]], side: int) -> tuple[Tensor, np.ndarray]:
    if not items:  # the share of a process where the last batch has fewer crops than there are processes
        return torch.zeros(0, 1, side, side), np.zeros((0, side, side), np.int32)
    return torch.stack([image for image, _ in items]), np.stack([labels for _, labels in items])
