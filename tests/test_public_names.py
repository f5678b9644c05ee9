"""Public names show in completion and in `help()`, with signatures that are readable."""

import importlib
import inspect
from typing import Any

import pytest

from fcrbench import metrics

# Modules that import torch are skipped where it is not installed.
PUBLIC = [
    "api",
    "datasets",
    "export",
    "inference",
    "io",
    "large",
    "methods",
    "metrics",
    "postprocess",
    "testing",
    "weights",
]


def load(name: str) -> Any:
    if name in ("inference", "testing"):
        pytest.importorskip("torch")
    return importlib.import_module(f"fcrbench.{name}")


def signatures(module: Any) -> dict[str, inspect.Signature]:
    """The signatures of all public functions and classes, and of the public methods of these."""
    found = {}
    for name in module.__all__:
        value = getattr(module, name)
        if callable(value):
            found[name] = inspect.signature(value)
        if inspect.isclass(value):
            methods = {k: v for k, v in vars(value).items() if inspect.isfunction(v) and k[0] != "_"}
            found |= {f"{name}.{k}": inspect.signature(v) for k, v in methods.items()}
    return found


@pytest.mark.parametrize("name", PUBLIC)
def test_completion_offers_the_public_names_only(name: str) -> None:
    module = load(name)
    assert dir(module) == sorted(module.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_signatures_are_readable(name: str) -> None:
    for function, signature in signatures(load(name)).items():
        text = str(signature)
        assert "Union[" not in text, function
        assert "_SupportsArray" not in text, function
        # Long defaults and many parameters are no obstacle to reading, long annotations are.
        for parameter in signature.parameters.values():
            assert len(str(parameter.annotation)) <= 80, f"{function}: {parameter}"
        if not isinstance(getattr(load(name), function, None), type):
            assert len(text) < 270, function


@pytest.mark.parametrize("name", PUBLIC)
def test_public_functions_and_classes_have_docstrings(name: str) -> None:
    module = load(name)
    for each in module.__all__:
        value = getattr(module, each)
        if callable(value):
            # A dataclass without one gets its own signature as a docstring.
            doc = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
            assert doc, each
            assert not doc.startswith(f"{each}("), each


def test_submodules_stay_importable() -> None:
    from fcrbench.metrics import scores

    assert scores.score is metrics.score
    assert str(inspect.signature(metrics.dice)) == (
        "(truth: 'ArrayLike', pred: 'ArrayLike', *, empty: 'Empty' = 'nan') -> 'float'"
    )
