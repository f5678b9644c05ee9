"""What fcrbench asks of any method is asked of each of these, in its own test file or here."""

import re
from importlib.metadata import distribution
from pathlib import Path
from typing import ClassVar

import pytest

from fcrbench.compute.arithmetic import deterministic_algorithms
from fcrbench.testing import MethodTests, cuda
from fcrbench.testing.case import Case
from fcrbench.testing.cuda_tensor import DEVICE
from fcrbench.testing.simulated import SimulatedCuda


class TestHarmonic(MethodTests):
    method = "harmonic"
    options: ClassVar = {"fit_steps": 20, "filters": 8}  # one image needs no more
    step_waits = 1
    image_waits = 1


def test_no_method_goes_untested():
    points = distribution("fcrbench-baselines").entry_points.select(group="fcrbench.methods")
    sources = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    tested = re.findall(r'^class \w+\(MethodTests\):\n(?:    .*\n|\n)*?    method = "(\w+)"', sources, re.M)
    assert {point.name for point in points} <= set(tested)


@pytest.mark.parametrize(
    ("method", "options"),
    [("dcan", {"filters": 2}), ("discriminative", {}), ("harmonic", {"fit_steps": 20, "filters": 8})],
)
def test_no_method_needs_an_operation_that_is_not_deterministic_on_a_gpu(method, options):
    case = Case(method, "default", options, 32, 0, 2, None, 0.1, 0.1)
    with SimulatedCuda() as simulated, deterministic_algorithms(DEVICE):
        cuda.train_briefly(case, case.create(), simulated.fabric(), cuda.TrainingTrace(simulated.waits))
