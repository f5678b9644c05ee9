"""Results where the inputs are."""

from typing import Any

from numpy.typing import NDArray

from fcrbench.labels import is_on_accelerator


def placed(result: NDArray, given: Any) -> Any:
    """The result; as a tensor on its device where what was given is a tensor on an accelerator."""
    if not is_on_accelerator(given):
        return result
    import torch

    return torch.from_numpy(result).to(given.device)
