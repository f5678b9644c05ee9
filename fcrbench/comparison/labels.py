"""Names the rows of a comparison by their method and the values in which they differ."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fcrbench.config import TrainingConfig, build
from fcrbench.errors import UsageError
from fcrbench.methods import registry
from fcrbench.methods.base import Preset

BUDGET = ("epochs", "crops_per_image", "crop")
# These do not change what is learnt. The seed, the device and the folder of the data are ignored, too.
_IGNORED_KEYS = ("workers", "validate_every")
_WEIGHTS = ("weights", "init")

Config = Mapping[str, Any]  # config.toml, parsed


def identity(config: Config) -> str:
    """Return a text that is equal for runs that differ only in their seed."""
    return json.dumps(_comparable_values(config), sort_keys=True)


def row_labels(configs: Sequence[Config]) -> list[str]:
    """Return a short, unique name for each of several distinct configurations.

    A name consists of the method, its preset unless that is "default", and the options that differ from the
    preset's: "fcrnet", "fcrnet (paper)", "fcrnet colors=3". If several rows would have the same name, the
    values in which they differ are added.
    """
    names = [_name(config) for config in configs]
    values = [_comparable_values(config) for config in configs]
    full = []
    for name, own in zip(names, values, strict=True):
        twins = [other for twin, other in zip(names, values, strict=True) if twin == name]
        keys = [key for key in own if any(twin.get(key) != own[key] for twin in twins)]
        full.append(" ".join([name, *(_format_setting(key, own[key]) for key in keys)]))
    return full


def replaced_budget(config: Config) -> list[str]:
    """Return the budget values that differ from those of the preset, as in "epochs 5, not 40"."""
    preset = _preset(config)
    if preset is None:
        return []
    own = dataclasses.asdict(build(TrainingConfig, preset.training))
    training = config.get("training", {})
    return [
        f"{key} {training[key]}, not {own[key]}"
        for key in BUDGET
        if key in training and training[key] != own[key]
    ]


def _name(config: Config) -> str:
    name, preset = config.get("method", ""), config.get("preset", "default")
    parts = [name] if preset == "default" else [f"{name} ({preset})"]
    parts += [_format_setting(key, value) for key, value in _chosen_options(config).items()]
    # The name of the run or the file. If two have the same name, `row_labels` adds their folders.
    parts += [_format_setting(key, Path(config[key]).name) for key in _WEIGHTS if config.get(key)]
    if config.get("evaluate", "last") != "last":
        parts.append(f"evaluate={config['evaluate']}")
    return " ".join(parts)


def _chosen_options(config: Config) -> dict[str, Any]:
    """Return the options that differ from those of the preset; empty if the method is not installed here."""
    preset = _preset(config)
    if preset is None:
        return {}
    schema = registry.spec(config["method"]).options
    own = dataclasses.asdict(build(schema, preset.options, "options"))
    return {
        key: value
        for key, value in config.get("options", {}).items()
        if key in own and _as_text(value) != _as_text(own[key])
    }


def _preset(config: Config) -> Preset | None:
    try:
        return registry.preset(config["method"], config.get("preset", "default"))
    except (KeyError, UsageError):
        return None


def _comparable_values(config: Config) -> dict[str, str]:
    """Return all values that distinguish configurations, as dotted keys with comparable values."""
    values = {key: _as_text(config.get(key)) for key in ("method", "preset", "evaluate", *_WEIGHTS)}
    for table in ("options", "training"):
        for key, value in config.get(table, {}).items():
            if key not in _IGNORED_KEYS:
                values[f"{table}.{key}"] = _as_text(value)
    return values


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _format_setting(key: str, value: Any) -> str:
    return f"{key.rpartition('.')[2]}={_as_text(value)}"
