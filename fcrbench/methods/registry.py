"""Finds methods through the entry-point group `fcrbench.methods`; creates them by name."""

import dataclasses
import importlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from fcrbench.config import build
from fcrbench.errors import UsageError, unknown_name
from fcrbench.methods.base import Method, MethodSpec, Preset

GROUP = "fcrbench.methods"
OWN = "fcrbench"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plugin:
    """An installed method: its description, and where it comes from.

    package  distribution and version, "fcrbench 0.1.0"
    where    "module:ATTRIBUTE" of the description
    """

    spec: MethodSpec
    package: str
    where: str


@cache
def installed() -> dict[str, Plugin]:
    """Every installed method by name.

    A plug-in that cannot be imported is left out and named in one warning of the log, which goes to stderr
    where no program has set up another place for it.
    """
    plugins: dict[str, Plugin] = {}
    # Our own methods come first, so that no other package can take their names.
    points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, _package(point) != OWN))
    for point in points:
        package = _package(point, version=True)
        try:
            if point.name in plugins:
                raise ValueError(f"{plugins[point.name].package} has a method of that name")
            found = point.load()
            if not isinstance(found, MethodSpec):
                raise TypeError(f"{point.value} is a {type(found).__name__}, expected a MethodSpec")
        except (Exception, SystemExit) as error:  # it may fail in any way, and must not break the others
            warn(f"method {point.name!r} of {package} is left out: it cannot be imported", error)
        else:
            plugins[point.name] = Plugin(found, package, point.value)
    return dict(sorted(plugins.items()))


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


def warn(what: str, error: BaseException) -> None:
    """Log one line about a plug-in that does not work, whatever its error says."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    log.warning("fcrbench: warning: %s: %s", what, reason)


def _package(point: EntryPoint, version: bool = False) -> str:
    if point.dist is None:
        return point.value
    return f"{point.dist.name} {point.dist.version}" if version else point.dist.name
