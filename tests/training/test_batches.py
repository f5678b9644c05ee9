"""Batches depend only on seed and epoch, whichever process prepares them."""

import numpy as np
import pytest
import torch

from fcrbench.compute.device import make_fabric
from fcrbench.training import batches
from fcrbench.training.augment import Crops
from fcrbench.training.batches import Batches, worker_count
from fcrbench.training.group import ProcessGroup


def make(workers):
    rng = np.random.default_rng(0)
    fields = [rng.integers(0, 5, (40, 40)).astype(np.int32) for _ in range(3)]
    images = [field.astype(np.float32) for field in fields]
    crops = Crops(images, fields, crop=16, crops_per_image=3, augment=True, zoom=0.25, seed=1)
    return Batches(crops, 2, seed=1, group=ProcessGroup(make_fabric("cpu", "32")), workers=workers)


def read(found, epoch, first=0):
    return [(images.numpy().copy(), labels.copy()) for images, labels in found.iterate(epoch, first)]


def assert_same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_workers_that_stay_prepare_what_one_process_does():
    alone, helped = make(0), make(2)
    for epoch in (0, 1, 4):
        assert_same(read(helped, epoch), read(alone, epoch))
    # an epoch that was left half-way leaves nothing behind
    next(helped.iterate(2))
    assert_same(read(helped, 3), read(alone, 3))


def test_an_epoch_is_gone_on_with_where_it_was_left():
    found = make(0)
    assert [len(labels) for _, labels in read(found, 1)] == [2, 2, 2, 2, 1]
    assert_same(read(found, 1, 3), read(found, 1)[3:])
    assert read(found, 1, 5) == []


def test_epochs_differ():
    found = make(0)
    assert not np.array_equal(read(found, 0)[0][0], read(found, 1)[0][0])


def test_loading_leaves_the_global_generator_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    read(make(0), 0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("cores", "together", "expected"), [(1, 1, 0), (2, 1, 1), (3, 1, 2), (64, 1, 4), (16, 4, 3)]
)
def test_workers_take_the_cores_that_are_left(cores, together, expected, monkeypatch):
    monkeypatch.setattr(batches.os, "sched_getaffinity", lambda _: range(cores), raising=False)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(together))
    assert worker_count("auto", torch.device("cuda", 0)) == expected
    assert worker_count("auto", torch.device("cpu")) == 0
    assert worker_count(7, torch.device("cuda", 0)) == worker_count(7, torch.device("cpu")) == 7
