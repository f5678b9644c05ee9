"""The tester of methods: FCRNet and a small method pass, and each check finds the faults it is meant for."""

import re
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from fcrbench import testing
from fcrbench.errors import UsageError
from fcrbench.testing import MethodTests, check_method, checks, cuda, training
from fcrbench.testing.cuda_tensor import DeviceFault


class TestFCRNet(MethodTests):
    method = "fcrnet"
    step_waits = 2  # the engine's, and that for the costs of the colours
    image_waits = 1


class TestFCRNetOfThePaper(MethodTests):
    method = "fcrnet"
    preset = "paper"
    options: ClassVar = {"filters": (8, 8, 12, 16, 16)}
    learning_rate = 2e-3  # the paper's 1e-4 is for 90,600 steps


class TestSmallMethod(MethodTests):
    method = "broken_specs:Sound"


class TestMethodThatIsNotTrained(MethodTests):
    method = "broken_specs:NotTrained"
    size = 48
    least_pq = 0.2


def case(name, **values):
    where = name if ":" in name else f"broken_specs:{name}"
    small = {"size": 32, "steps": 40, "step_waits": 2, "image_waits": 1}
    return type("Tests", (MethodTests,), {"method": where} | small | values).case()


@pytest.mark.parametrize(
    ("check", "name", "message"),
    [
        ("description", "heavy_spec:SPEC", "importing heavy_spec imports matplotlib"),
        ("description", "no_such_module:SPEC", "no_such_module:SPEC cannot be imported.*ModuleNotFound"),
        ("description", "TRAINING", "unknown key in .training of preset 'default'.*'epoch'; did you"),
        ("options", "NONE", "cannot be written as TOML"),
        ("options", "ANY", r"scales: \(1, 2\) became \[1, 2\]"),
        ("shapes", "DoubleScores", "scores are torch.float64; expected torch.float32"),
        ("shapes", "LongLabels", "postprocess of a real image gives int64"),
        ("shapes", "ShrinksImage", r"scores are \(2, 3, 16, 16\) .* expected \(2, K, 32, 32\)"),
        ("shapes", "ChangesImage", "normalize changes the image"),
        ("shapes", "ChangesLabels", "losses changes the labels"),
        ("shapes", "ChangesScores", "postprocess changes the scores"),
        ("shapes", "NoLoss", r"losses are \['entropy'\]; \"loss\""),
        ("shapes", "LossPerImage", r"losses\['loss'\] has shape \(2,\); expected one number"),
        ("shapes", "DetachedLoss", "does not depend on the network"),
        ("sizes", "NoStride", r"the network fails on an image \(1, 1\), padded to a multiple of stride = 1"),
        ("sizes", "WrongSize", r"scores of an image \(17, 23\) are \(3, 16, 22\)"),
        ("plain_images", "DividesByDeviation", r"normalize gives NaN or infinity for an empty image \(0\)"),
        ("gradients", "BranchUnused", "parameter branch.weight gets no gradient"),
        ("gradients", "BranchTimesZero", "gradient of branch.weight is 0 everywhere"),
        ("gradients", "InfiniteGradient", "gradient of .* holds NaN or infinity"),
        ("plain_truth", "MeanOfNoObject", r"losses\['loss'\] is nan for no object"),
        ("plain_truth", "NaNWithoutObjects", "gradient of .* holds NaN or infinity where there is no object"),
        ("deterministic", "OwnSeed", "another seed gives the same weights"),
        ("deterministic", "NumpySeed", "head.bias differs between two networks built with one seed"),
        ("deterministic", "RandomLabels", "postprocess gives different instances for equal scores"),
        ("bf16", "HalfScores", "scores of a network in bfloat16 are torch.bfloat16, not float32"),
        ("bf16", "Cancels", "scores in bfloat16 and float32 are .*% apart"),
        ("weights", "ForgetsPrepare", "saved and loaded, give other scores"),
        ("weights", "RemembersBatch", "saved and loaded, give other instances"),
        ("weights", "SharesTensors", "the weights cannot be saved: .*share memory"),
        ("rules", "OtherRules", "give other labels than postprocess for scores of"),
        ("rules", "RulesOfOldForm", "rules returns a dict, expected fcrbench.postprocess.InstanceRules"),
        ("part", "PartWithoutHalo", "scores of part, rows 0:32 and columns 0:9 of 32 x 32, differ by up to"),
        ("tiles", "TiledWrongly", r"scores of an image \(\d+, 2\) by tiles of 7 pixels differ by up to 0.5"),
        ("empty_share", "NoEmptyBatch", r"the network fails on a batch of no image \(0, 1, 32, 32\)"),
        ("resume", "ForgetsItsNoise", "differ between a training of four steps and one that was stopped"),
        ("simulated_cuda", "TargetOnHost", "nll_loss2d.* one device, found cuda:0 and cpu"),
        ("simulated_cuda", "NumpyOfOutput", r"Tensor.numpy of a tensor on cuda:0; copy it with .cpu\(\)"),
        ("simulated_cuda", "ReadsLoss", r"a step of training .* waits 3 times .* most 2: .*broken_methods"),
        ("simulated_cuda", "ReadsScores", r"segmentation .* waits 2 times .* most 1: .*broken_methods"),
        ("simulated_cuda", "OtherOnGPU", "code that runs on GPUs only computes something else"),
        ("overfits", "WrongTarget", r"PQ on one image of .*; expected 0.8 \(loss .* in 40 steps"),
        ("overfits", "NotTrained", r"expected 0.8 \(nothing to train\)"),
    ],
)  # fmt: skip
def test_a_fault_is_found_and_named(check, name, message):
    name_of_check = f"check_{check}"
    (module,) = (module for module in (checks, cuda, training) if name_of_check in vars(module))
    with pytest.raises((AssertionError, UsageError, DeviceFault), match=f"(?s){message}"):
        getattr(module, name_of_check)(case(name))


def test_every_check_has_a_fault_that_it_finds():
    (mark,) = (m for m in test_a_fault_is_found_and_named.pytestmark if m.name == "parametrize")
    names = {name.removeprefix("test_") for name in vars(MethodTests) if name.startswith("test_")}
    assert {check for check, *_ in mark.args[1]} == names - {
        "cuda"
    }  # the simulation finds faults without one


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_fault_is_found_on_a_gpu():
    with pytest.raises(RuntimeError, match="device"):
        cuda.check_cuda(case("TargetOnHost"))


def test_tests_of_losses_are_skipped_where_nothing_is_trained():
    from unittest import SkipTest

    for name in ("test_gradients", "test_plain_truth", "test_empty_share", "test_resume", "test_bf16"):
        with pytest.raises(SkipTest, match="NotTrained is not trained"):
            getattr(TestMethodThatIsNotTrained(), name)()


def test_one_call_runs_every_check():
    check_method("broken_specs:NotTrained", size=48, least_pq=0.1)
    with pytest.raises(AssertionError, match=r"expected 0\.99"):
        check_method("broken_specs:NotTrained", size=48, least_pq=0.99)


def test_a_method_that_is_not_installed_is_refused_with_the_close_one():
    with pytest.raises(UsageError, match="did you mean 'fcrnet'"):
        check_method("fcrnt")


def test_pytest_is_the_callers():
    sources = list(Path(testing.__file__).parent.glob("*.py"))
    assert len(sources) >= 4
    assert not [path for path in sources if re.search(r"^\s*(import|from) pytest", path.read_text(), re.M)]
