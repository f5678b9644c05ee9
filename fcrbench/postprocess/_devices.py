"""Results on the device of the input."""

from typing import Any

from numpy.typing import NDArray

from fcrbench.labels import is_on_accelerator


def to_device_of(result: NDArray, argument: Any) -> Any:
    """Return the result, as a tensor on the argument's device if that is a tensor on an accelerator."""
    if not is_on_accelerator(argument):
        return result
    import torch

    return torch.from_numpy(result).to(argument.device)
