"""Methods: `available()` lists them, `create(name, **options)` makes one."""

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
