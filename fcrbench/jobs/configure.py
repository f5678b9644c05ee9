"""From the few values that a user gives to the whole configuration of a run. Imports nothing heavy."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fcrbench import weights
from fcrbench.config import RunConfig, build, merge
from fcrbench.errors import UsageError
from fcrbench.methods import registry


def configure(values: Mapping[str, Any]) -> RunConfig:
    """A whole configuration from the values that differ from the preset's; see RunConfig.

    Where weights are given, method and options are theirs: values may replace options, not the method.
    Raises UsageError naming the key that is unknown, mistyped or out of range, DataError where the weights
    are none of ours. The method is not loaded.
    """
    chosen = build(RunConfig, values)
    if given := chosen.given_weights:
        header = weights.read_header(weights.resolve(given))
        if values.get("method", header.method) != header.method:
            raise UsageError(f"the weights {given} are of method {header.method}, not {chosen.method}")
        key = "weights" if chosen.weights else "init"
        theirs = {"method": header.method, "options": header.options}
        values = merge(theirs, {**values, key: weights.absolute(given)})
    return fill(values)


def fill(values: Mapping[str, Any]) -> RunConfig:
    """A whole configuration, with the preset's values where none is given; no weights are looked at."""
    chosen = build(RunConfig, values)
    preset = registry.preset(chosen.method, chosen.preset)
    options = registry.build_options(chosen.method, chosen.preset, chosen.options)
    filled = merge({"training": dict(preset.training)}, values)
    return build(RunConfig, {**filled, "options": asdict(options)})
