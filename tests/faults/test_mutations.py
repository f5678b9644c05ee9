"""Some of the files of mutations.py, and checks that it finds what can go wrong."""

import re
from pathlib import Path

import mutations
import numpy as np
import pytest
import torch
from mutators import KINDS, mutate, network
from safetensors.torch import save_file

from fcrbench.errors import DataError
from fcrbench.weights.tensors import load_weights


def test_changed_files_are_read_or_refused():
    """`python tests/faults/mutations.py` does the same with 100,000 files."""
    assert mutations.run(1000, seed=1) == {}


def test_every_kind_is_changed_and_a_number_names_one_file():
    files, again, other = mutations.Files(3), mutations.Files(3), mutations.Files(4)
    seen = [files(number) for number in range(40)]
    assert {kind for kind, _ in seen} == set(KINDS)
    assert seen == [again(number) for number in range(40)]
    whole = {data for some in files.originals.values() for data in some}
    assert len({data for _, data in seen} - whole) > 35
    assert files(7) != other(7)
    assert mutate("toml", b"", np.random.default_rng(0))


def test_a_process_that_dies_or_hangs_is_told_and_the_rest_is_read(tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(
        "import os, sys, time\n"
        "for n in range(int(sys.argv[2]), int(sys.argv[4])):\n"
        "    os.write(1, b'%d\\n' % n)\n"
        "    if n == 2: os.kill(os.getpid(), 11)\n"
        "    if n == 4: time.sleep(60)\n"
        "    if n == 5: os.write(1, b'5 png: KeyError\\n')\n"
    )
    found = mutations.run(7, script=str(script), limit=3.0)
    assert found == {2: "the process died with code -11", 4: "hangs: no result in 3.0 s", 5: "png: KeyError"}


def out_of_memory(path):
    raise DataError(f"{path}: too large") from MemoryError()


def raising(error):
    def read(path):
        raise error

    return read


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda path: None, None),
        (raising(DataError("a.png: cannot be read")), None),
        (raising(DataError("cannot be read")), "does not name the file"),
        (raising(DataError("a.png:\ncannot be read")), "more than one line"),
        (raising(KeyError("options")), "KeyError: 'options' .*test_mutations.py"),
        (out_of_memory, "takes too much memory"),
    ],
)
def test_what_is_wrong(read, expected):
    found = mutations.wrong([read], Path("a.png"))
    if expected is None:
        assert found is None
    else:
        assert re.search(expected, found)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda weight: weight * torch.nan, "0.weight holds NaN or infinity"),
        (lambda weight: weight / 0, "0.weight holds NaN or infinity"),
        (lambda weight: weight.int(), "0.weight is torch.int32, expected torch.float32"),
        (lambda weight: weight * 1j, "0.weight is torch.complex64, expected torch.float32"),
        (lambda weight: weight[:1], "0.weight is .*expected"),
        (lambda weight: weight.half(), None),
    ],
)
def test_weights_must_be_finite_floats(tmp_path, change, words):
    tensors = network().state_dict()
    tensors["0.weight"] = change(tensors["0.weight"])
    save_file(tensors, tmp_path / "a.safetensors")
    if words is None:
        load_weights(tmp_path / "a.safetensors", network())
    else:
        with pytest.raises(DataError, match=rf"a\.safetensors .*{words}"):
            load_weights(tmp_path / "a.safetensors", network())
