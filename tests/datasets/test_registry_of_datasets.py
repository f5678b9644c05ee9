"""Choosing a data set by name."""

import dataclasses

import pytest

from fcrbench import datasets
from fcrbench.datasets import registry
from fcrbench.datasets.sample import SPEC
from fcrbench.errors import DataError, UsageError
from fcrbench.methods.listing import option_docs

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
    assert specs["bbbc006"].options().z == 16


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
    with pytest.raises(
        UsageError, match=r"unknown data set 'xyzzy'.*bbbc006, bbbc039, dsb2018, folder, joined, sample"
    ):
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


BROKEN = {  # entry point: what it names, and what is said of it
    "absent": ("needs_absent_library:SPEC", "ModuleNotFoundError: No module named 'absent_library'"),
    "other": (
        "described_here:NO_SPEC",
        "TypeError: described_here:NO_SPEC is a dict, expected a DatasetSpec",
    ),
    "misnamed": ("described_here:GOOD", "ValueError: described_here:GOOD describes 'good'"),
    "sample": ("described_here:SHADOW", "has a data set of that name"),
}
DESCRIBED = """
from fcrbench.datasets import DatasetSpec

def spec(name):
    return DatasetSpec(name, "a plug-in", "CC0", "none", "here", False, "call it", "nowhere:Class")

GOOD, SHADOW, NO_SPEC = spec("good"), spec("sample"), {}
"""


def test_plug_ins_are_found_and_broken_ones_named_in_one_line(tmp_path, monkeypatch, caplog):
    (tmp_path / "needs_absent_library.py").write_text("import absent_library")
    (tmp_path / "described_here.py").write_text(DESCRIBED)
    info = tmp_path / "fcr_cells-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fcr-cells\nVersion: 1.2\n")
    points = {name: where for name, (where, _) in BROKEN.items()} | {"good": "described_here:GOOD"}
    lines = "\n".join(f"{name} = {where}" for name, where in points.items())
    (info / "entry_points.txt").write_text(f"[fcrbench.datasets]\n{lines}\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry.installed.cache_clear()
    try:
        found = registry.installed()
        assert set(found) == {*NAMES, "good"}
        assert found["good"].package == "fcr-cells 1.2"
        assert found["sample"].where == "fcrbench.datasets.sample:SPEC"
        assert len(caplog.messages) == len(BROKEN)
        for name, (_, reason) in BROKEN.items():
            (line,) = [line for line in caplog.messages if f"data set {name!r} of fcr-cells 1.2" in line]
            assert reason in line
            assert "\n" not in line
    finally:
        registry.installed.cache_clear()


def test_a_data_set_is_made_from_a_description_as_from_its_name():
    assert datasets.create(SPEC).splits == datasets.create("sample").splits


def test_every_option_is_documented():
    for spec in datasets.available():
        options = {field.name for field in dataclasses.fields(spec.options)}
        assert set(option_docs(spec.options)) == options
