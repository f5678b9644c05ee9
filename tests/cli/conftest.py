"""Fixtures for the tests of the command line."""

import pytest
from command_line import TINY, Cli, only


@pytest.fixture
def cli(tmp_path):
    return Cli(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A finished run of two epochs."""
    folder = tmp_path_factory.mktemp("trained")
    Cli(folder)("run", *TINY, "--epochs", 2)
    return only(folder / "runs")
