"""The descriptions of the methods in broken_methods.py, without heavy imports: NAME is for the class Name."""

from dataclasses import dataclass
from typing import Any

from fcrbench.methods import MethodSpec, Preset


@dataclass(frozen=True)
class Options:
    width: int = 8
    sizes: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class OptionsWithNone(Options):
    limit: float | None = None


@dataclass(frozen=True)
class OptionsOfAnyType(Options):
    scales: Any = (1, 2)


def describe(factory, options=Options, training=None):
    presets = {"default": Preset("as it is", training=training or {"learning_rate": 0.01})}
    return MethodSpec("broken", "a method for trials", "none", f"broken_methods:{factory}", options, presets)


FACTORIES = [
    "Sound",
    "TargetOnHost",
    "NumpyOfOutput",
    "ReadsLoss",
    "ReadsScores",
    "OtherOnGPU",
    "NotTrained",
    "DoubleScores",
    "LongLabels",
    "ShrinksImage",
    "ChangesImage",
    "ChangesLabels",
    "ChangesScores",
    "NoLoss",
    "LossPerImage",
    "DetachedLoss",
    "NoStride",
    "WrongSize",
    "DividesByDeviation",
    "BranchUnused",
    "BranchTimesZero",
    "InfiniteGradient",
    "MeanOfNoObject",
    "NaNWithoutObjects",
    "OwnSeed",
    "NumpySeed",
    "RandomLabels",
    "HalfScores",
    "Cancels",
    "ForgetsPrepare",
    "RemembersBatch",
    "OtherRules",
    "RulesOfOldForm",
    "PartWithoutHalo",
    "TiledWrongly",
    "NoEmptyBatch",
    "ForgetsItsNoise",
    "SharesTensors",
    "WrongTarget",
]
globals().update({name: describe(name) for name in FACTORIES})
NONE = describe("Sound", OptionsWithNone)
ANY = describe("Sound", OptionsOfAnyType)
TRAINING = describe("Sound", training={"epoch": 3})
