"""Combinations of FCRNet's options that make no sense are refused, and written options can be read again."""

import dataclasses
import json
import tomllib

import pytest

from fcrbench import methods
from fcrbench.config import RunConfig
from fcrbench.errors import UsageError
from fcrbench.jobs.configure import configure
from fcrbench.methods.fcrnet.spec import SPEC, FCRNetOptions


@pytest.mark.parametrize(
    ("preset", "options", "words"),
    [
        ("paper", {"alpha": (3,)}, r"options.alpha is \[3.0\]; expected one or more even whole numbers"),
        ("paper", {"alpha": (2, 2.5)}, r"options.alpha is \[2.0, 2.5\]; expected one or more even"),
        ("default", {"alpha": (0,)}, r"options.alpha is \[0.0\]; expected one or more even"),
        (
            "paper",
            {"background": "first"},
            r'options.background is "first"; expected "mode" with loss "similarity"',
        ),
        (
            "default",
            {"loss": "similarity"},
            r'options.background is "first"; expected "mode" with loss "similarity"',
        ),
        (
            "paper",
            {"inter_weight": 0},
            r"options.inter_weight is 0.0; expected a positive number with loss .similarity",
        ),
        ("paper", {"inter_weight": -1}, r"options.inter_weight is -1.0; expected 0 or more"),
        ("default", {"inter_weight": -1}, r"options.inter_weight is -1.0; expected 0 or more"),
        ("paper", {"color_cost": 0.1}, r'options.color_cost is 0.1; it has no effect with loss "similarity"'),
        ("default", {"alpha": (2,)}, r'options.alpha is \[2.0\]; it has no effect with loss "coloring"'),
        (
            "default",
            {"similarity": "cosine"},
            r'options.similarity is "cosine"; it has no effect with loss "coloring"',
        ),
        (
            "default",
            {"intra_mean": "pairs"},
            r'options.intra_mean is "pairs"; it has no effect with loss "coloring"',
        ),
        (
            "default",
            {"inter_mean": "objects"},
            r'options.inter_mean is "objects"; it has no effect with loss "coloring"',
        ),
        (
            "authors",
            {"loss": "coloring", "alpha": (8,)},
            r'options.alpha is .*; it has no effect with loss "coloring"',
        ),
        (
            "default",
            {"min_margin": 0, "sure_size": 50},
            r"options.sure_size is 50; it has no effect with min_margin 0",
        ),
        ("paper", {"sure_size": 50}, r"options.sure_size is 50; it has no effect with min_margin 0"),
        ("paper", {"join_doubt": 0.1}, r'options.join_doubt is 0.1; expected 0 with background "mode"'),
        ("paper", {"block": "conv"}, r"options.block = 'conv'"),
    ],
)
def test_what_means_nothing_is_refused(preset, options, words):
    with pytest.raises(UsageError, match=words):
        methods.create("fcrnet", preset, **options)


@pytest.mark.parametrize("preset", SPEC.presets)
def test_options_come_back_from_files(preset):
    """Also those that play no part, which stand there with their defaults."""
    config = configure({"method": "fcrnet", "preset": preset})
    again = configure(tomllib.loads(config.to_toml()))
    assert again == config
    options = methods.create("fcrnet", preset).options
    header = json.loads(json.dumps(dataclasses.asdict(options)))
    assert methods.create("fcrnet", **header).options == options


def test_what_was_written_before_an_option_existed_means_what_it_meant():
    """The presets as of version 0.1, whose files name no similarity, mean or block."""
    new = ("similarity", "intra_mean", "inter_mean", "block", "connectivity")
    for preset in ("default", "authors"):
        header = {
            name: value
            for name, value in dataclasses.asdict(methods.create("fcrnet", preset).options).items()
            if name not in new
        }
        assert methods.create("fcrnet", **header).options == methods.create("fcrnet", preset).options
    values = {"training": {"epochs": 3, "crop": 32}}
    training = configure(values).training
    assert (training.resize, training.min_object) == (0, 0)


def test_an_option_at_its_default_can_be_said():
    options = dataclasses.asdict(FCRNetOptions())
    idle = {name: options[name] for name in ("alpha", "similarity", "intra_mean", "inter_mean")}
    assert methods.create("fcrnet", **idle).options == FCRNetOptions()
    methods.create("fcrnet", "paper", color_cost=options["color_cost"], sure_size=options["sure_size"])


def test_a_crop_larger_than_the_resized_field_is_refused():
    values = {"preset": "paper", "training": {"crop": 1024}}
    with pytest.raises(UsageError, match=r"training.crop is 1024; expected at most 512"):
        configure(values)
    assert configure(values | {"training": {"crop": 256}}).training.resize == 512
    with pytest.raises(UsageError, match=r"training.min_object is -1; expected at least 0"):
        RunConfig(training=dataclasses.replace(configure({}).training, min_object=-1))
