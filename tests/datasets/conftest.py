"""Real data beside the repository, where a machine has it."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """../shared/data; tests that ask for it are skipped, visibly, where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared/data beside the repository")
    return SHARED
