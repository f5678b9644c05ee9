"""Choosing a data set by name."""

import pytest

from fcrbench import datasets
from fcrbench.errors import DataError, UsageError

NAMES = ("sample", "bbbc039", "bbbc006", "dsb2018", "folder", "synthetic", "joined")


def test_available():
    specs = {spec.name: spec for spec in datasets.available()}
    assert set(specs) == set(NAMES)
    for spec in specs.values():
        for fact in (spec.title, spec.licence, spec.citation, spec.source, spec.how_to_get):
            assert fact
            assert "\n" not in fact
    assert not specs["sample"].needs_root
    assert not specs["synthetic"].needs_root
    assert specs["bbbc006"].options["z"] == 16


@pytest.mark.parametrize(
    ("name", "offered"),
    [("samples", "sample"), ("bbc006", "bbbc006"), ("dsb", "dsb2018"), ("SAMPLE", "sample")],
)
def test_unknown_name_offers_close_ones(name, offered):
    with pytest.raises(UsageError) as error:
        datasets.create(name)
    message = str(error.value)
    assert f"did you mean '{offered}'" in message
    for known in NAMES:
        assert known in message


def test_unknown_name_far_from_all():
    with pytest.raises(UsageError, match=r"unknown data set 'xyzzy'.*sample, bbbc039"):
        datasets.create("xyzzy")


def test_unknown_option_offers_close_ones():
    with pytest.raises(UsageError, match=r"synthetic 'n_nuclie'; did you mean 'n_nuclei'\?"):
        datasets.create("synthetic", n_nuclie=3)
    with pytest.raises(UsageError, match=r"'seed' \(known: none\)"):
        datasets.create("sample", seed=3)


@pytest.mark.parametrize(
    ("name", "option", "value", "expected"),
    [
        ("bbbc006", "z", "16", "int"),
        ("bbbc006", "z", True, "int"),
        ("bbbc006", "by_well", 1, "bool"),
        ("folder", "val_fraction", "half", "float"),
        ("synthetic", "size", [3, 4, 5], r"int \| tuple\[int, int\]"),
        ("synthetic", "size", 2.5, r"int \| tuple\[int, int\]"),
    ],
)
def test_option_of_another_type(tmp_path, name, option, value, expected):
    root = None if name == "synthetic" else tmp_path
    with pytest.raises(UsageError, match=rf"{name}: {option} is .*, expected {expected}$"):
        datasets.create(name, root, **{option: value})


def test_options_as_toml_gives_them():
    dataset = datasets.create("synthetic", size=[20, 30], radius=4, n_nuclei=3, blur=1)
    assert dataset.load("synthetic-val-0000").labels.shape == (20, 30)


def test_root_missing_needless_or_absent(tmp_path):
    with pytest.raises(UsageError, match=r"needs its folder.*fcrbench data fetch bbbc006"):
        datasets.create("bbbc006")
    with pytest.raises(UsageError, match="takes no folder"):
        datasets.create("sample", root=tmp_path)
    for name in ("bbbc006", "bbbc039", "dsb2018", "folder"):
        with pytest.raises(DataError, match="no such folder"):
            datasets.create(name, root=tmp_path / "none")
        with pytest.raises(DataError):
            datasets.create(name, root=tmp_path)
