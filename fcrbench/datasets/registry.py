"""Finds data sets through the entry-point group `fcrbench.datasets`; creates them by name."""

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import Any, get_type_hints

from fcrbench import plugins
from fcrbench.datasets.base import Dataset, DatasetSpec
from fcrbench.errors import UsageError, short_repr, unknown_name
from fcrbench.plugins import Plugin

GROUP = "fcrbench.datasets"


@cache
def installed() -> dict[str, Plugin[DatasetSpec]]:
    """Every installed data set by name; see `plugins.find`."""
    return plugins.find(GROUP, DatasetSpec, "data set")


def available() -> tuple[DatasetSpec, ...]:
    """The descriptions of the installed data sets; nothing is read of their files."""
    return tuple(plugin.spec for plugin in installed().values())


def spec(name: str) -> DatasetSpec:
    """The description of one data set. Raises UsageError, offering close names, when there is none."""
    if name not in installed():
        raise UsageError(unknown_name("data set", name, installed()))
    return installed()[name].spec


def create(
    dataset: str | DatasetSpec, /, root: str | os.PathLike[str] | None = None, **options: Any
) -> Dataset:
    """Build a data set from the folder `root`, where it needs one.

    dataset  the name of an installed one, or a description, installed or not

    Raises UsageError for an unknown name or option, a missing or needless root; DataError when the folder
    does not hold what it should.
    """
    description = spec(dataset) if isinstance(dataset, str) else dataset
    chosen = build_options(description, options)
    if description.needs_root and root is None:
        raise UsageError(
            f"data set {description.name} needs its folder (root); to get it: {description.how_to_get}"
        )
    if root is not None and not description.needs_root:
        raise UsageError(f"data set {description.name} takes no folder, found root = {os.fspath(root)!r}")
    created: Dataset = plugins.load_attribute(description.factory)(root, chosen)
    return created


def build_options(dataset: DatasetSpec, options: Mapping[str, Any]) -> Any:
    """The options of a data set with these replaced, without loading its code.

    Values are as TOML has them: a list for a tuple, an integer for a float, but no string for a number.
    Raises UsageError naming the option that is unknown or mistyped.
    """
    types = get_type_hints(dataset.options)
    for option in options:
        if option not in types:
            raise UsageError(unknown_name(f"option of data set {dataset.name}", option, types))
    values = {}
    for option, value in options.items():
        try:
            values[option] = _validated(value, types[option])
        except (TypeError, ValueError):
            kind = types[option]
            expected = kind.__name__ if isinstance(kind, type) else kind
            raise UsageError(
                f"data set {dataset.name}: {option} is {short_repr(value)}, expected {expected}"
            ) from None
    return dataset.options(**values)


def _validated(value: Any, kind: Any) -> Any:
    """By the rules for JSON, whose types are those of TOML. Raises TypeError or ValueError."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind).validate_json(json.dumps(value), strict=True)
