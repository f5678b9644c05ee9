"""The checks of methods, as a test class for pytest and as a single function."""

from collections.abc import Mapping
from typing import Any, ClassVar
from unittest import SkipTest

import torch

from fcrbench.testing import checks, cuda, training
from fcrbench.testing.case import Case
from fcrbench.testing.expect import run_tests


class MethodTests:
    """Tests of a method. A subclass sets `method`, and may override the other values.

    method          the name of an installed method, or "module:ATTRIBUTE" of its MethodSpec
    preset          the preset to test
    options         options that differ from the preset: a narrow network makes the tests fast
    size            side of the images, rounded up to a multiple of the method's stride; pixels
    seed            of weights and training
    steps           the method must learn one image within this number of AdamW steps
    learning_rate   in these steps; None: that of the preset
    least_pq        the panoptic quality (IoU 0.5) that the method must reach on that image
    bf16_tolerance  the largest allowed relative difference between bfloat16 and float32: of the loss, and of
                    the scores as root mean square
    step_waits      how often the host may wait for a GPU in a training step; None: any number. The training
                    loop itself waits once, for the terms of the loss
    image_waits     how often the host may wait during the segmentation of an image; None: any number. The
                    predictor itself waits once, for the scores

    The image is part of a real field of the data set `sample`. A method whose network has no parameters is
    not trained: the tests of its losses are skipped, and it must reach `least_pq` without training.
    """

    method: ClassVar[str]
    preset: ClassVar[str] = "default"
    options: ClassVar[Mapping[str, Any]] = {}
    size: ClassVar[int] = 64
    seed: ClassVar[int] = 0
    steps: ClassVar[int] = 150
    learning_rate: ClassVar[float | None] = None
    least_pq: ClassVar[float] = 0.8
    bf16_tolerance: ClassVar[float] = 0.1
    step_waits: ClassVar[int | None] = None
    image_waits: ClassVar[int | None] = None

    @classmethod
    def case(cls) -> Case:
        """Return the values of this class as a Case, which is created once per class."""
        if "_case" not in cls.__dict__:
            values = {name: getattr(cls, name) for name in MethodTests.__annotations__}
            cls._case = Case(**values)  # type: ignore[attr-defined]
        case: Case = cls.__dict__["_case"]
        return case

    def test_description(self) -> None:
        checks.check_description(self.case())

    def test_options(self) -> None:
        checks.check_options(self.case())

    def test_shapes(self) -> None:
        checks.check_shapes(self.case())

    def test_sizes(self) -> None:
        checks.check_sizes(self.case())

    def test_plain_images(self) -> None:
        checks.check_plain_images(self.case())

    def test_deterministic(self) -> None:
        checks.check_deterministic(self.case())

    def test_weights(self) -> None:
        checks.check_weights(self.case())

    def test_rules(self) -> None:
        checks.check_rules(self.case())

    def test_part(self) -> None:
        checks.check_part(self.case())

    def test_tiles(self) -> None:
        checks.check_tiles(self.case())

    def test_simulated_cuda(self) -> None:
        cuda.check_simulated_cuda(self.case())

    def test_cuda(self) -> None:
        if not torch.cuda.is_available():
            raise SkipTest("no CUDA device")
        cuda.check_cuda(self.case())

    def test_overfits(self) -> None:
        checks.check_overfits(self.case())

    def test_gradients(self) -> None:
        checks.check_gradients(self._trained_case())

    def test_plain_truth(self) -> None:
        checks.check_plain_truth(self._trained_case())

    def test_empty_share(self) -> None:
        training.check_empty_share(self._trained_case())

    def test_resume(self) -> None:
        training.check_resume(self._trained_case())

    def test_bf16(self) -> None:
        checks.check_bf16(self._trained_case())

    def _trained_case(self) -> Case:
        if not self.case().is_trained:
            raise SkipTest(f"{self.method} is not trained")
        return self.case()


def check_method(method: str, **values: Any) -> None:
    """Run all tests of MethodTests on a method; `values` replace the values of MethodTests.

    Raises AssertionError for the first check that fails.
    """
    suite: Any = type("Tests", (MethodTests,), {"method": method, **values})()
    run_tests(suite)
