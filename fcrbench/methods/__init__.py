"""Methods: `available()` lists them, `create(name, **options)` makes one."""

import warnings
from typing import Any

from fcrbench.methods.base import Method, MethodSpec, PartNetwork, PlacedNetwork, Preset
from fcrbench.methods.registry import available, create

__all__ = [
    "Method",
    "MethodSpec",
    "PartNetwork",
    "PlacedNetwork",
    "Preset",
    "available",
    "create",
]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name == "InstanceRules":
        warnings.warn("import InstanceRules from fcrbench.postprocess", DeprecationWarning, stacklevel=2)
        from fcrbench.postprocess import InstanceRules

        return InstanceRules
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
