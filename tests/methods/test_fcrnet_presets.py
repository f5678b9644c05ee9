"""Presets of publications name every value that affects a result, so that defaults do not change them."""

import dataclasses

import pytest

from fcrbench.config import TrainingConfig
from fcrbench.errors import UsageError
from fcrbench.methods import registry
from fcrbench.methods.fcrnet.spec import FCRNetOptions

PRESETS = ("paper", "authors")
IDLE = {"color_cost": 0.1, "sure_size": 50}  # options that play no part in them, with values that are refused


@pytest.mark.parametrize("preset", PRESETS)
def test_the_preset_names_its_whole_schedule(preset):
    named = registry.preset("fcrnet", preset).training
    workers = {"workers"}  # they decide how fast it is done, not what comes out
    assert {field.name for field in dataclasses.fields(TrainingConfig)} - workers == set(named)
    assert named["precision"] == "32"


@pytest.mark.parametrize("preset", PRESETS)
def test_the_preset_names_all_its_options(preset):
    named = set(registry.preset("fcrnet", preset).options)
    assert {field.name for field in dataclasses.fields(FCRNetOptions)} - set(IDLE) == named
    for name, value in IDLE.items():
        with pytest.raises(UsageError, match=rf"options.{name} is {value}; it has no effect"):
            registry.build_options("fcrnet", preset, {name: value})
