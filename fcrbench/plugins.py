"""Finds what installed packages offer under an entry-point group."""

import importlib
import logging
from dataclasses import MISSING, dataclass, fields, is_dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Protocol, TypeVar

OWN = "fcrbench"

log = logging.getLogger(__name__)


class Named(Protocol):
    """A description, which has the name of its entry point."""

    @property
    def name(self) -> str: ...


Spec = TypeVar("Spec", bound=Named)


@dataclass(frozen=True)
class Plugin(Generic[Spec]):
    """An installed plug-in: its description, and where it comes from.

    package  distribution and version, "fcrbench 0.1.0"
    where    "module:ATTRIBUTE" of the description
    """

    spec: Spec
    package: str
    where: str


def load_attribute(where: str) -> Any:
    """Import what "module:ATTRIBUTE" names."""
    module, _, attribute = where.partition(":")
    return getattr(importlib.import_module(module), attribute)


def check_spec(where: str, factory: str, options: type) -> None:
    """Raise ValueError if a description names no factory, or if its options are no dataclass of defaults."""
    if ":" not in factory:
        raise ValueError(f'{where}: factory is {factory!r}; expected "module:Class"')
    if not is_dataclass(options):
        raise ValueError(f"{where}: options is {options!r}; expected a dataclass")
    for option in fields(options):
        if option.default is MISSING and option.default_factory is MISSING:
            raise ValueError(f"{where}: option {option.name!r} has no default")


def find(group: str, kind: type[Spec], what: str) -> dict[str, Plugin[Spec]]:
    """The plug-ins of an entry-point group by name; `what` is what messages call one of them.

    A plug-in that cannot be imported is left out and named in one warning of the log, which goes to stderr
    where no program has set up another place for it.
    """
    plugins: dict[str, Plugin[Spec]] = {}
    # Our own come first, so that no other package can take their names.
    points = sorted(entry_points(group=group), key=lambda point: (point.name, _package(point) != OWN))
    for point in points:
        package = _package(point, version=True)
        try:
            if point.name in plugins:
                raise ValueError(f"{plugins[point.name].package} has a {what} of that name")
            found = point.load()
            if not isinstance(found, kind):
                raise TypeError(f"{point.value} is a {type(found).__name__}, expected a {kind.__name__}")
            if found.name != point.name:
                raise ValueError(f"{point.value} describes {found.name!r}")
        except (Exception, SystemExit) as error:  # it may fail in any way, and must not break the others
            warn(f"{what} {point.name!r} of {package} is left out: it cannot be imported", error)
        else:
            plugins[point.name] = Plugin(found, package, point.value)
    return dict(sorted(plugins.items()))


def warn(what: str, error: BaseException) -> None:
    """Log one line about a plug-in that does not work, whatever its error says."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    log.warning("fcrbench: warning: %s: %s", what, reason)


def _package(point: EntryPoint, version: bool = False) -> str:
    if point.dist is None:
        return point.value
    return f"{point.dist.name} {point.dist.version}" if version else point.dist.name
