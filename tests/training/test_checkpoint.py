"""Checkpoints that are not what they should be."""

import zipfile

import pytest
import torch

from fcrbench.errors import DataError
from fcrbench.training.checkpoint import load_state, save_state


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
