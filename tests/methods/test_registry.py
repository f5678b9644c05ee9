"""Descriptions of methods: which are valid, and methods created from a description that is not installed."""

import dataclasses
from dataclasses import dataclass

import pytest

from fcrbench import methods, postprocess
from fcrbench.config.settings import parse_setting
from fcrbench.methods import Preset, listing, registry
from fcrbench.methods.fcrnet.spec import SPEC


@dataclass(frozen=True)
class NoDefault:
    width: int


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"factory": "module.Class"}, r"factory is 'module.Class'; expected \"module:Class\""),
        ({"options": dict}, "expected a dataclass"),
        ({"options": NoDefault}, "option 'width' has no default"),
        ({"presets": {"fast": Preset("x")}}, r"presets are \['fast'\]; \"default\" must be among them"),
    ],
)
def test_a_description_without_its_parts_is_refused(replaced, message):
    with pytest.raises(ValueError, match=f"MethodSpec 'fcrnet': .*{message}"):
        dataclasses.replace(SPEC, **replaced)


def test_a_method_is_made_from_a_description_as_from_its_name():
    by_name = methods.create("fcrnet", "paper", colors=3)
    assert methods.create(SPEC, "paper", colors=3).options == by_name.options


def test_installed_says_where_a_method_comes_from():
    plugin = registry.installed()["fcrnet"]
    assert plugin.package.startswith("fcrbench ")
    assert plugin.where == "fcrbench.methods.fcrnet.spec:SPEC"
    assert plugin.spec is SPEC


def test_counting_parameters_draws_no_random_number():
    import torch

    torch.manual_seed(0)
    before = torch.get_rng_state()
    assert listing.count_parameters(SPEC) == 2_748_692
    assert torch.equal(before, torch.get_rng_state())


def test_every_option_of_fcrnet_is_documented():
    assert set(listing.option_docs(SPEC.options)) == {
        field.name for field in dataclasses.fields(SPEC.options)
    }


@dataclass
class Undocumented:
    width: int = 1


def test_options_without_a_docstring_have_no_meaning_to_show():
    assert listing.option_docs(Undocumented) == {}


def test_options_are_shown_as_set_takes_them():
    for option in dataclasses.asdict(SPEC.options()).items():
        key, value = parse_setting(f"{option[0]}={listing.format_setting(option[1])}")
        assert registry.create(SPEC, **{key: value}).options == SPEC.options()
        assert (key, tuple(value) if isinstance(value, list) else value) == option


def test_the_rules_are_still_found_where_they_were():
    with pytest.warns(DeprecationWarning, match=r"import InstanceRules from fcrbench\.postprocess"):
        assert methods.InstanceRules is postprocess.InstanceRules
    with pytest.raises(AttributeError, match="has no attribute 'Rules'"):
        _ = methods.Rules
