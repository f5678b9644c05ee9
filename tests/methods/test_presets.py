"""Presets that stand for a publication name all that decides a result: defaults may change, they do not."""

import dataclasses

import pytest

from fcrbench.config import TrainingConfig
from fcrbench.errors import UsageError
from fcrbench.methods import registry

# (method, preset): options left out because they play no part in it, with another value, which is refused
IDLE = {
    ("fcrnet", "paper"): {"color_cost": 0.1, "sure_size": 50},
    ("fcrnet", "authors"): {"color_cost": 0.1, "sure_size": 50},
}
MACHINE = {"workers"}  # decides how fast, not what comes out


@pytest.mark.parametrize(("method", "preset"), IDLE)
def test_a_preset_of_a_publication_names_its_whole_schedule(method, preset):
    named = set(registry.preset(method, preset).training)
    assert {field.name for field in dataclasses.fields(TrainingConfig)} - MACHINE == named


@pytest.mark.parametrize(("method", "preset"), IDLE)
def test_a_preset_of_a_publication_names_all_its_options(method, preset):
    spec, idle = registry.spec(method), IDLE[method, preset]
    named = set(registry.preset(method, preset).options)
    assert {field.name for field in dataclasses.fields(spec.options)} - set(idle) == named
    for name, value in idle.items():
        with pytest.raises(UsageError, match=rf"options.{name} is {value}; .* plays no part"):
            registry.build_options(method, preset, {name: value})


@pytest.mark.parametrize(("method", "preset"), IDLE)
def test_a_preset_of_a_publication_trains_in_float32(method, preset):
    assert registry.preset(method, preset).training["precision"] == "32"
