"""Helpers for the options classes of methods: the options that decoders share, and checks of values."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

from fcrbench.errors import UsageError


@dataclass(frozen=True)
class CleaningOptions:
    """Options of every decoder: which instances are dropped, and whether holes are filled.

    They have the meaning that they have in `fcrbench.postprocess.InstanceRules` and `remove_small`.

    min_size     instances smaller than this are dropped; pixels
    border_size  instances that touch the border of the image are dropped if they are smaller than this;
                 pixels
    min_margin   instances smaller than sure_size are dropped if their mean log odds of being an object are
                 lower than this; 0 keeps them
    sure_size    see min_margin; pixels
    fill_holes   fill holes that one instance encloses
    """

    min_size: int = 10
    border_size: int = 25
    min_margin: float = 2.2
    sure_size: int = 100
    fill_holes: bool = True

    def __post_init__(self) -> None:
        require_at_least(0, self, "min_size", "border_size", "min_margin", "sure_size")
        if not self.min_margin:
            refuse_unused(self, "sure_size", because="min_margin 0")


def require_at_least(minimum: float, options: Any, *names: str) -> None:
    """Raise UsageError for the first of these options that is below `minimum` or not a number."""
    _check(options, names, lambda value: value >= minimum, f"{minimum} or more")


def require_between(minimum: float, maximum: float, options: Any, *names: str) -> None:
    """Raise UsageError for the first of these options that is not within `minimum` to `maximum`."""
    _check(options, names, lambda value: minimum <= value <= maximum, f"{minimum} to {maximum}")


def require_positive(options: Any, *names: str) -> None:
    """Raise UsageError for the first of these options that is not above 0."""
    _check(options, names, lambda value: value > 0, "a positive number")


def refuse_unused(options: Any, *names: str, because: str) -> None:
    """Raise UsageError for the first of these unused options that differs from its default.

    because   the setting that makes them unused, for the message
    """
    defaults = {field.name: field.default for field in fields(options)}
    for name in names:
        if (value := getattr(options, name)) != defaults[name]:
            raise UsageError(
                f"options.{name} is {json.dumps(value)}; it has no effect with {because}, so leave it at "
                "its default"
            )


def _check(options: Any, names: Iterable[str], is_valid: Callable[[float], bool], expected: str) -> None:
    for name in names:
        value = getattr(options, name)
        if not is_valid(value):
            raise UsageError(f"options.{name} is {value}; expected {expected}")
