"""Weights files: their names, their headers, and files with float16 tensors."""

import importlib.util
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import nn

from fcrbench import weights
from fcrbench.errors import DataError
from fcrbench.methods import registry
from fcrbench.weights.tensors import load_weights, save_weights


@pytest.fixture
def file(tmp_path):
    """A file of weights with both signs, very small and very large values."""
    method = registry.create("fcrnet")
    torch.manual_seed(0)
    network = method.build()
    network.head.weight.data[0, 0, 0, :3] = torch.tensor([1e-9, -3e4, 1.0009765625])
    path = tmp_path / "run" / "weights" / "last.safetensors"
    save_weights(path, network, "fcrnet", method)
    return path


def test_names(file, monkeypatch):
    assert weights.resolve(file) == file
    assert weights.resolve(str(file)) == file
    assert weights.resolve(file.parents[1]) == file
    assert weights.resolve("default").is_file()
    (file.parents[1] / "default").mkdir()
    monkeypatch.chdir(file.parents[1])
    assert weights.resolve("default").parent == Path(weights.__file__).parent
    with pytest.raises(DataError, match=r"default holds no weights/last\.safetensors"):
        weights.resolve("./default")
    assert weights.absolute("default") == "default"
    assert weights.absolute("weights") == str(file.parent)
    assert file.stat().st_mode & 0o044 == 0o044  # readable as any new file


def test_the_header_names_the_method(file):
    header = weights.read_header(file)
    assert header.method == "fcrnet"
    assert registry.create(header.method, **header.options).options == registry.create("fcrnet").options


@pytest.fixture
def tool():
    """tools/train_weights.py as a module."""
    script = Path(__file__).parents[2] / "tools" / "train_weights.py"
    spec = importlib.util.spec_from_file_location("train_weights", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RECIPE = """
method = "fcrnet"
[dataset]
name = "synthetic"
[dataset.options]
n_train = 2
n_val = 1
size = 64
[training]
epochs = 1
crop = 32
[[stage]]
[[stage]]
[stage.training]
learning_rate = 0.001
[[stage]]
begin = "best"
[stage.options]
filters = [18, 32, 64, 128, 256]
"""


def test_a_recipe_of_three_stages(tool, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    last = tool.train(recipe, tmp_path / "data", tmp_path / "runs", "cpu")
    first, second, third = tool.stages_of(last)
    assert third == last
    configs = [tomllib.loads((run / "config.toml").read_text()) for run in (first, second, third)]
    assert [config["training"]["learning_rate"] for config in configs] == [0.002, 0.001, 0.002]
    assert "init" not in configs[0]
    assert configs[1]["init"] == str(first / "weights" / "last.safetensors")
    assert configs[2]["init"] == str(second / "weights" / "best-grown.safetensors")
    assert configs[2]["options"]["filters"] == [18, 32, 64, 128, 256]


def test_stored_as_float16(tool, file, tmp_path):
    """The rebuilding script halves convolutions only; loading gives float32 with those values."""
    half = tmp_path / "half.safetensors"
    tool.store(file, half)
    before, after = load_file(file), load_file(half)
    assert weights.read_header(half) == weights.read_header(file)
    assert half.stat().st_size < 0.51 * file.stat().st_size
    for key, value in before.items():
        expected = value.astype(np.float16) if value.ndim == 4 else value
        assert after[key].dtype == expected.dtype
        np.testing.assert_array_equal(after[key], expected)
    network = registry.create("fcrnet").build()
    load_weights(half, network)
    assert {tensor.dtype for tensor in network.parameters()} == {torch.float32}
    for key, value in network.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), after[key].astype(value.numpy().dtype))


def test_weights_of_another_shape_are_named(file):
    expected = r"last\.safetensors does not fit the network: weight is none, expected"
    with pytest.raises(DataError, match=expected):
        load_weights(file, nn.Linear(2, 2))
    network = registry.create("fcrnet", colors=3).build()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(DataError, match=r"head\.weight is \(4, 16, 3, 3\), expected \(3, 16, 3, 3\)"):
        load_weights(file, network)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
