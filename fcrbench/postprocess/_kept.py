"""Which objects are large and sure enough to stay."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fcrbench.kernels.margins import UNITS


@dataclass(frozen=True)
class Least:
    """What an object needs to stay; the arguments of `postprocess.instances` of these names."""

    min_size: int = 0
    border_size: int = 0
    min_margin: float = 0.0
    sure_size: int = 0

    def __post_init__(self) -> None:
        for name in ("min_size", "border_size", "sure_size"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: expected 0 or more pixels, found {getattr(self, name)}")
        if not 0 <= self.min_margin < np.inf:
            raise ValueError(f"min_margin: expected 0 or more, found {self.min_margin}")

    @property
    def asks(self) -> bool:
        return self.min_size > 1 or self.border_size > 1 or (self.min_margin > 0 and self.sure_size > 1)

    def met(self, sizes: Any, on_border: Any, margins: Any) -> Any:
        """Whether each object stays, for NumPy arrays or tensors with one entry an object.

        sizes, on_border, margins  pixels, whether it touches the border of the image, the sum of
                                   `kernels.margins` of its pixels, which only min_margin needs
        """
        met = (sizes >= self.min_size) & (~on_border | (sizes >= self.border_size))
        if not self.min_margin:
            return met
        return met & ((sizes >= self.sure_size) | (margins >= UNITS * self.min_margin * sizes))
