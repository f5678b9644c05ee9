"""Checks of numbers, for the options classes of methods. NaN passes none of them."""

import json
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any

from fcrbench.errors import UsageError


def at_least(least: float, options: Any, *names: str) -> None:
    """Raise UsageError at the first of these options that is below `least`."""
    _check(options, names, lambda value: value >= least, f"{least} or more")


def between(least: float, most: float, options: Any, *names: str) -> None:
    """Raise UsageError at the first of these options that is below `least` or above `most`."""
    _check(options, names, lambda value: least <= value <= most, f"{least} to {most}")


def positive(options: Any, *names: str) -> None:
    """Raise UsageError at the first of these options that is not above 0."""
    _check(options, names, lambda value: value > 0, "a positive number")


def refuse_idle(options: Any, *names: str, because: str) -> None:
    """Raise UsageError at the first of these options that is not its default although it plays no part."""
    defaults = {field.name: field.default for field in fields(options)}
    for name in names:
        if (value := getattr(options, name)) != defaults[name]:
            raise UsageError(
                f"options.{name} is {json.dumps(value)}; with {because} it plays no part, leave it at its "
                "default"
            )


def _check(options: Any, names: Iterable[str], fits: Callable[[float], bool], expected: str) -> None:
    for name in names:
        value = getattr(options, name)
        if not fits(value):
            raise UsageError(f"options.{name} is {value}; expected {expected}")
