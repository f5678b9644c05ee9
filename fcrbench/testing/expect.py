"""Assertions of the checks, with their error messages."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def run_python(code: str, failure: str, **environment: str) -> str:
    """Return what `code` prints in a Python process of its own that finds the same modules."""
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | path | environment
    )
    expect(done.returncode == 0, f"{failure}:\n{done.stderr}")
    return done.stdout


def expect_light(where: str, heavy: Sequence[str], advice: str) -> None:
    """Check that importing the description at "module:ATTRIBUTE" imports none of the heavy packages."""
    module, _, attribute = where.partition(":")
    code = (
        f"import importlib, sys; importlib.import_module({module!r}).{attribute}\n"
        f"print(*[name for name in {tuple(heavy)!r} if name in sys.modules])"
    )
    found = run_python(code, f"{where} cannot be imported").split()
    expect(not found, f"importing {module} imports {', '.join(found)}{advice}")


def expect_lines(description: Any, *names: str) -> None:
    """Check that these attributes of a description are lines of text."""
    for name in names:
        value = getattr(description, name)
        expect(
            isinstance(value, str) and value.strip() != "" and "\n" not in value,
            f"the description's {name} is {value!r}; expected one line of text",
        )


def run_tests(suite: Any) -> None:
    """Run the tests of an instance of a test class, without those that skip themselves."""
    for name in dir(suite):
        if name.startswith("test_"):
            with suppress(SkipTest):
                getattr(suite, name)()


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
