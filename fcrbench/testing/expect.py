"""Assertions of the checks, with their error messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def expect_finite_gradients(network: nn.Module, where: str) -> None:
    """Check that all gradients of the network's parameters that exist are finite."""
    import torch

    for name, parameter in network.named_parameters():
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            raise AssertionError(f"the gradient of {name} holds NaN or infinity {where}")


def expect_losses(losses: Mapping[str, Tensor], what: str) -> None:
    """Check that the terms of a loss are finite numbers, and that "loss" has a gradient."""
    expect("loss" in losses, f'losses are {sorted(losses)}; "loss", the one minimised, must be among them')
    for name, value in losses.items():
        expect(value.ndim == 0, f"losses[{name!r}] has shape {tuple(value.shape)}; expected one number")
        expect(bool(value.isfinite()), f"losses[{name!r}] is {float(value.detach())} for {what}")
    expect(losses["loss"].requires_grad, f'losses["loss"] does not depend on the network for {what}')


def expect_labels(labels: np.ndarray, shape: tuple[int, ...], what: str) -> None:
    """Check that `labels` is a label image of this shape."""
    expect_array(f"postprocess of {what}", labels, shape, np.int32)
    expect(labels.min() >= 0, f"postprocess of {what} gives negative ids")


def expect_array(what: str, found: np.ndarray, shape: tuple[int, ...], dtype: type) -> None:
    expect(
        isinstance(found, np.ndarray) and found.shape == shape and found.dtype == dtype,
        f"{what} gives {getattr(found, 'dtype', type(found).__name__)} {getattr(found, 'shape', '')}; "
        f"expected {np.dtype(dtype)} {shape}",
    )
