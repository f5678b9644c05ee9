"""Completes the values that a user gives to the configuration of a run. Imports nothing heavy."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fcrbench import weights
from fcrbench.config import RunConfig, build, merge
from fcrbench.errors import UsageError
from fcrbench.methods import registry


def configure(values: Mapping[str, Any]) -> RunConfig:
    """Return the full configuration for the values that differ from the preset's, see RunConfig.

    If weights are given, the method and its options are read from them; values may replace options, but not
    the method. Raises UsageError naming a key that is unknown, of a wrong type or out of range, and DataError
    if the file of weights was not written by fcrbench. The method is not loaded.
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
    """Return the full configuration, with the preset's values for missing ones. Weights are not read."""
    chosen = build(RunConfig, values)
    preset = registry.preset(chosen.method, chosen.preset)
    options = registry.build_options(chosen.method, chosen.preset, chosen.options)
    filled = merge({"training": dict(preset.training)}, values)
    return build(RunConfig, {**filled, "options": asdict(options)})
