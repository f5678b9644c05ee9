"""Lengths in micrometres."""

import math

from fcrbench.errors import UsageError

_PREFIXES = {"": 1e6, "centi": 1e4, "milli": 1e3, "micro": 1.0, "nano": 1e-3, "pico": 1e-6}
_MICROMETRES = {
    **{f"{prefix}{name}": factor for prefix, factor in _PREFIXES.items() for name in ("meter", "metre")},
    "m": 1e6,
    "cm": 1e4,
    "mm": 1e3,
    "um": 1.0,
    "µm": 1.0,
    "μm": 1.0,
    "\\u00B5m": 1.0,  # as ImageJ writes it
    "\\u00b5m": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "": 1.0,
    "nm": 1e-3,
    "pm": 1e-6,
    "angstrom": 1e-4,
    "Å": 1e-4,
    "inch": 25400.0,
    "in": 25400.0,
}


def to_micrometres(value: float, unit: str) -> float | None:
    """Return a length in micrometres; None for a unit that is none of length, such as "pixel"."""
    factor = _MICROMETRES.get(unit.strip().strip("\0"))
    return None if factor is None else value * factor


def square_pixels(side: float | None) -> tuple[float, float] | None:
    """Return height and width of square pixels of this side in micrometres; None for None.

    Raises UsageError if the side is no length.
    """
    if side is None:
        return None
    if not (math.isfinite(side) and side > 0):
        raise UsageError(f"--pixel-size {side}: expected a positive number of micrometres")
    return side, side
