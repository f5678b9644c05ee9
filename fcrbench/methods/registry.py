"""Finds methods through the entry-point group `fcrbench.methods` and creates them by name."""

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import Any

from fcrbench import plugins
from fcrbench.config import build
from fcrbench.errors import UsageError, unknown_name
from fcrbench.methods.base import Method, MethodSpec, Preset
from fcrbench.plugins import Plugin

GROUP = "fcrbench.methods"


@cache
def installed() -> dict[str, Plugin[MethodSpec]]:
    """Return every installed method by name; see `plugins.find`."""
    return plugins.find(GROUP, MethodSpec, "method")


def available() -> dict[str, MethodSpec]:
    """Return the description of every installed method by name; see `installed`."""
    return {name: plugin.spec for name, plugin in installed().items()}


def spec(name: str) -> MethodSpec:
    """Return the description of a method. Raises UsageError with close names if there is none."""
    specs = available()
    if name not in specs:
        raise UsageError(unknown_name("method", name, specs))
    return specs[name]


def preset(method: str | MethodSpec, preset_name: str) -> Preset:
    """Return a preset of a method. Raises UsageError with the names of the others if there is none."""
    description = spec(method) if isinstance(method, str) else method
    if preset_name not in description.presets:
        raise UsageError(unknown_name(f"preset of {description.name}", preset_name, description.presets))
    return description.presets[preset_name]


def create(method: str | MethodSpec, preset_name: str = "default", /, **options: Any) -> Method:
    """Create a method with the options of a preset, some of which may be replaced.

    method   the name of an installed method, or a description, installed or not
    options  replace options of the preset
    """
    description = spec(method) if isinstance(method, str) else method
    chosen = build_options(description, preset_name, options)
    created: Method = plugins.load_attribute(description.factory)(chosen)
    return created


def build_options(method: str | MethodSpec, preset_name: str, options: Mapping[str, Any]) -> Any:
    """Return the options of a preset, some of them replaced, without importing the method's code.

    Raises UsageError that names the option if one is unknown or of the wrong type.
    """
    description = spec(method) if isinstance(method, str) else method
    values = {**preset(description, preset_name).options, **options}
    return build(description.options, values, "options")


def options_as_dict(method: Method) -> dict[str, Any]:
    """Return all options of a method as plain values."""
    return dataclasses.asdict(method.options)
