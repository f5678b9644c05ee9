"""The examples on the pages about metrics run, and every program with recorded values is named there."""

import json
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="no docs folder beside the tests")


def test_examples_run() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "metrics.md").read_text(), re.S)
    assert len(blocks) >= 5
    exec(compile("".join(blocks), "docs/metrics.md", "exec"), {})


def test_every_recorded_program_is_named_with_its_version() -> None:
    page = (DOCS / "why-our-number-differs.md").read_text()
    recorded = json.loads((Path(__file__).parents[1] / "metrics" / "recorded_values.json").read_text())
    for name, entry in recorded.items():
        version = re.search(r"commit (\w+)|(\d+(\.\d+)+)", entry["source"])
        assert version is not None
        assert f"{name} {version[1] or version[2]}" in page
