"""Methods: `available()` lists them, `create(name, **options)` makes one."""

from fcrbench.methods.base import InstanceRules, Method, MethodSpec, PartNetwork, PlacedNetwork, Preset
from fcrbench.methods.registry import available, create

__all__ = [
    "InstanceRules",
    "Method",
    "MethodSpec",
    "PartNetwork",
    "PlacedNetwork",
    "Preset",
    "available",
    "create",
]
