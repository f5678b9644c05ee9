"""From the few values that a user gives to the whole configuration of a run. Imports nothing heavy."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fcrbench.config import RunConfig, build, merge
from fcrbench.methods import registry


def configure(values: Mapping[str, Any]) -> RunConfig:
    """A whole configuration from the values that differ from the preset's; see RunConfig.

    Raises UsageError naming the key that is unknown, mistyped or out of range. The method is not loaded.
    """
    chosen = build(RunConfig, values)
    preset = registry.preset(chosen.method, chosen.preset)
    options = registry.build_options(chosen.method, chosen.preset, chosen.options)
    filled = merge({"training": dict(preset.training)}, values)
    return build(RunConfig, {**filled, "options": asdict(options)})
