"""Presets that stand for a publication name all that decides a result: defaults may change, they do not."""

import dataclasses

import pytest

from fcrbench.config import TrainingConfig
from fcrbench.errors import UsageError
from fcrbench.methods import registry

METHODS = ("dcan", "discriminative", "harmonic")


@pytest.mark.parametrize("method", METHODS)
def test_the_papers_preset_names_its_whole_schedule(method):
    named = registry.preset(method, "paper").training
    assert {field.name for field in dataclasses.fields(TrainingConfig)} - {"workers"} == set(named)
    assert named["precision"] == "32"


@pytest.mark.parametrize("method", METHODS)
def test_the_papers_preset_names_all_its_options(method):
    fields = {field.name for field in dataclasses.fields(registry.spec(method).options)}
    assert set(registry.preset(method, "paper").options) == fields - {"sure_size"}
    with pytest.raises(UsageError, match=r"options\.sure_size is 50; it has no effect with min_margin 0"):
        registry.build_options(method, "paper", {"sure_size": 50})
