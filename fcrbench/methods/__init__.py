"""Methods: `available()` lists them, `create(name, **options)` makes one."""

from fcrbench.methods.base import InstanceRules, Method, MethodSpec, PartNetwork, Preset
from fcrbench.methods.registry import available, create

__all__ = ["InstanceRules", "Method", "MethodSpec", "PartNetwork", "Preset", "available", "create"]
