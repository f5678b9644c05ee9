"""What fcrbench asks of any method is asked of each of these, in its own test file or here."""

import re
from importlib.metadata import distribution
from pathlib import Path
from typing import ClassVar

from fcrbench.testing import MethodTests


class TestHarmonic(MethodTests):
    method = "harmonic"
    options: ClassVar = {"fit_steps": 20, "filters": 8}  # one image needs no more


def test_no_method_goes_untested():
    points = distribution("fcrbench-baselines").entry_points.select(group="fcrbench.methods")
    sources = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    tested = re.findall(r'^class \w+\(MethodTests\):\n(?:    .*\n|\n)*?    method = "(\w+)"', sources, re.M)
    assert {point.name for point in points} <= set(tested)
