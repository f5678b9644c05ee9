"""Finds methods through the entry-point group `fcrbench.methods`; creates them by name."""

import dataclasses
import importlib
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
    """Every installed method by name; see `plugins.find`."""
    return plugins.find(GROUP, MethodSpec, "method")


def available() -> dict[str, MethodSpec]:
    """The description of every installed method by name; see `installed`."""
    return {name: plugin.spec for name, plugin in installed().items()}


def spec(name: str) -> MethodSpec:
    """The description of one method. Raises UsageError, offering close names, when there is none."""
    specs = available()
    if name not in specs:
        raise UsageError(unknown_name("method", name, specs))
    return specs[name]


def preset(method: str | MethodSpec, preset_name: str) -> Preset:
    """One preset of a method. Raises UsageError, naming the others, when there is none."""
    description = spec(method) if isinstance(method, str) else method
    if preset_name not in description.presets:
        raise UsageError(unknown_name(f"preset of {description.name}", preset_name, description.presets))
    return description.presets[preset_name]


def create(method: str | MethodSpec, preset_name: str = "default", /, **options: Any) -> Method:
    """A method with the options of a preset, and of these the ones given here replaced.

    method  the name of an installed one, or a description, installed or not
    """
    description = spec(method) if isinstance(method, str) else method
    chosen = build_options(description, preset_name, options)
    module, _, attribute = description.factory.partition(":")
    created: Method = getattr(importlib.import_module(module), attribute)(chosen)
    return created


def build_options(method: str | MethodSpec, preset_name: str, options: Mapping[str, Any]) -> Any:
    """The options of a preset with these replaced, without loading the method's code.

    Raises UsageError naming the option that is unknown or mistyped.
    """
    description = spec(method) if isinstance(method, str) else method
    values = {**preset(description, preset_name).options, **options}
    return build(description.options, values, "options")


def options_of(method: Method) -> dict[str, Any]:
    """All options of a method, as plain values."""
    return dataclasses.asdict(method.options)
