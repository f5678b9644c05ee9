"""Finds methods through the entry-point group `fcrbench.methods`; creates them by name."""

import dataclasses
import importlib
import warnings
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from fcrbench.config import build
from fcrbench.errors import UsageError, unknown_name
from fcrbench.methods.base import Method, MethodSpec, Preset

GROUP = "fcrbench.methods"


@cache
def available() -> dict[str, MethodSpec]:
    """Every installed method by name. A plug-in that fails to import is named in one warning."""
    specs: dict[str, MethodSpec] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            specs[point.name] = point.load()
        except Exception as error:  # a plug-in may fail in any way, and must not break the others
            package = point.dist.name if point.dist else point.value
            warnings.warn(
                f"method {point.name!r} of {package} cannot be imported: {type(error).__name__}: {error}",
                stacklevel=2,
            )
    return specs


def spec(name: str) -> MethodSpec:
    """The description of one method. Raises UsageError, offering close names, when there is none."""
    specs = available()
    if name not in specs:
        raise UsageError(unknown_name("method", name, specs))
    return specs[name]


def preset(name: str, preset_name: str) -> Preset:
    """One preset of a method. Raises UsageError, naming the others, when there is none."""
    presets = spec(name).presets
    if preset_name not in presets:
        raise UsageError(unknown_name(f"preset of {name}", preset_name, presets))
    return presets[preset_name]


def create(name: str, preset_name: str = "default", **options: Any) -> Method:
    """A method by name, with the options of a preset, and of these the ones given here replaced."""
    description = spec(name)
    values = {**preset(name, preset_name).options, **options}
    chosen: Any = build(description.options, values, "options")
    module, _, attribute = description.factory.partition(":")
    method: Method = getattr(importlib.import_module(module), attribute)(chosen)
    return method


def options_of(method: Method) -> dict[str, Any]:
    """All options of a method, as plain values."""
    return dataclasses.asdict(method.options)
