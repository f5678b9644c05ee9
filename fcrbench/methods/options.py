"""For the options classes of methods: options that decoders have in common, and checks of numbers."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

from fcrbench.errors import UsageError


@dataclass(frozen=True)
class CleaningOptions:
    """Options of every decoder: which instances are dropped, and whether holes are filled.

    They are those of `fcrbench.postprocess.InstanceRules` and `fcrbench.postprocess.remove_small`.

    min_size     instances smaller than this are dropped; pixels
    border_size  those that touch the border of the image are dropped if they are smaller than this; pixels
    min_margin   those of fewer pixels than sure_size are dropped if their log odds of being an object, in the
                 mean over their pixels, are less than this; 0, none are
    sure_size    see min_margin; pixels
    fill_holes   fill holes that one instance encloses
    """

    min_size: int = 10
    border_size: int = 25
    min_margin: float = 2.2
    sure_size: int = 100
    fill_holes: bool = True

    def __post_init__(self) -> None:
        at_least(0, self, "min_size", "border_size", "min_margin", "sure_size")
        if not self.min_margin:
            refuse_idle(self, "sure_size", because="min_margin 0")


def at_least(least: float, options: Any, *names: str) -> None:
    """Raise UsageError at the first of these options that is below `least` or not a number."""
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
