"""Tests that any method, or any data set, must pass, for the authors of plug-ins: subclass them for pytest.

    from fcrbench.testing import DatasetTests, MethodTests

    class TestMyMethod(MethodTests):
        method = "mine"

    class TestMyDataset(DatasetTests):
        dataset = "mine"

pytest is the caller's; without it, `check_method("mine")` and `check_dataset("mine", root="folder")` run the
same checks. Only those of methods need PyTorch.
"""

from typing import TYPE_CHECKING, Any

from fcrbench.testing.dataset_suite import DatasetTests, check_dataset

if TYPE_CHECKING:
    from fcrbench.testing.suite import MethodTests, check_method

__all__ = ["DatasetTests", "MethodTests", "check_dataset", "check_method"]


def __getattr__(name: str) -> Any:
    """The tests of methods, imported when they are asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fcrbench.testing import suite

    return getattr(suite, name)


def __dir__() -> list[str]:
    return __all__
