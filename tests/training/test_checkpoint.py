"""Checkpoints that are damaged or invalid."""

import zipfile

import numpy as np
import pytest
import torch

from fcrbench.compute.device import make_fabric
from fcrbench.config import TrainingConfig
from fcrbench.datasets import Sample
from fcrbench.errors import DataError
from fcrbench.methods import registry
from fcrbench.training.checkpoint import load_state, save_state
from fcrbench.training.engine import Trainer, build_network


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "last.ckpt"
    save_state(path, {"network": {"weight": torch.arange(5000.0)}, "state": {"step": 3}})
    return path


def test_what_is_saved_is_read(file):
    saved = load_state(file)
    assert torch.equal(saved["network"]["weight"], torch.arange(5000.0))
    assert saved["state"] == {"step": 3}


def test_a_changed_byte_of_any_part_is_found(file):
    good = file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        parts = [(part.filename, part.header_offset, part.file_size) for part in archive.infolist()]
    sizes = {name.rpartition("/")[2]: size for name, _, size in parts}
    assert sizes["0"] == 20000  # the tensor is among them
    for name, offset, size in parts:
        if not size:
            continue
        with zipfile.ZipFile(file) as archive:
            content = archive.read(name)
        middle = good.index(content, offset) + size // 2
        file.write_bytes(good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :])
        with pytest.raises(DataError, match=r"last\.ckpt is (damaged|not a readable checkpoint)"):
            load_state(file)
        file.write_bytes(good)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 none either"])
def test_another_file_is_refused(file, content):
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"last\.ckpt is not a readable checkpoint"):
        load_state(file)


def test_a_file_cut_anywhere_is_refused(file):
    good = file.read_bytes()
    for end in range(0, len(good), len(good) // 20):
        file.write_bytes(good[:end])
        with pytest.raises(DataError, match=r"last\.ckpt is not a readable checkpoint"):
            load_state(file)


class Harmful:
    def __reduce__(self):
        return (open, ("harm.txt", "w"))


def test_no_code_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"network": Harmful()}, tmp_path / "last.ckpt")
    with pytest.raises(DataError, match=r"last\.ckpt is not a readable checkpoint"):
        load_state(tmp_path / "last.ckpt")
    assert not (tmp_path / "harm.txt").exists()


def trainer(folder, **options):
    method = registry.create("fcrnet", **options)
    field = Sample("a", np.zeros((32, 32), np.uint8), np.zeros((32, 32), np.int32))
    return Trainer(
        "fcrnet",
        method,
        build_network(method, 0),
        [field],
        TrainingConfig(crop=16, crops_per_image=1),
        fabric=make_fabric("cpu", "32"),
        seed=0,
        directory=folder,
        validate=lambda network: {},
        progress=None,
    )


def test_the_checkpoint_of_another_training_is_refused(tmp_path):
    first = trainer(tmp_path)
    first.state.step = 7
    first.save()
    again = trainer(tmp_path)
    again.restore()
    assert again.state == first.state
    with pytest.raises(DataError, match=r"last\.ckpt is not of this training: .*head\.bias"):
        trainer(tmp_path, colors=3).restore()
    save_state(first.checkpoint, {"network": first.network.state_dict(), "state": {}})
    with pytest.raises(DataError, match=r"last\.ckpt is not of this training: 'optimiser'"):
        trainer(tmp_path).restore()
