"""Tests that any method must pass, for the authors of plug-ins: subclass `MethodTests` in a pytest file.

    from fcrbench.testing import MethodTests

    class TestMine(MethodTests):
        method = "mine"

pytest is the caller's; without it, `check_method("mine")` runs the same checks.
"""

from fcrbench.testing.suite import MethodTests, check_method

__all__ = ["MethodTests", "check_method"]
