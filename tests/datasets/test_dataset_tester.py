"""The shared tester of data sets: the built-in ones pass it, and each check finds the faults it is for."""

import re
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from test_bbbc006 import plate
from test_bbbc039 import coloured
from test_dsb2018 import BIG, SMALL, field
from test_folder import fields

from fcrbench import testing
from fcrbench.errors import UsageError
from fcrbench.io import write_png
from fcrbench.testing import DatasetTests, check_dataset, dataset_checks


class TestSample(DatasetTests):
    dataset = "sample"


class TestSynthetic(DatasetTests):
    dataset = "synthetic"
    options: ClassVar = {"size": [40, 50], "n_nuclei": 5, "n_train": 3, "n_val": 2}


class TestJoined(DatasetTests):
    dataset = "joined"
    options: ClassVar = {"parts": ["sample", "synthetic"]}


class TestFolder(DatasetTests):
    dataset = "folder"

    def write_files(self, folder):
        fields(folder, "abcdef")


class TestFolderOfSplits(DatasetTests):
    dataset = "folder"
    options: ClassVar = {"min_size": 2, "min_objects": 1}

    def write_files(self, folder):
        for split, stems in (("train", "ab"), ("val", "c"), ("test", "d")):
            fields(folder / split, stems)


class TestBbbc039(DatasetTests):
    dataset = "bbbc039"

    def write_files(self, folder):
        for part in ("images", "masks", "metadata"):
            (folder / part).mkdir()
        red = np.zeros((8, 9), np.uint8)
        red[1:3, 1:4], red[3:5, 1:4] = 2, 1
        for stem in "abc":
            coloured(folder / "masks" / f"{stem}.png", red)
            write_png(folder / "images" / f"{stem}.png", np.full((8, 9), 100, np.uint16))
        for split, names in (("training", "b.png\na.png\n"), ("validation", "c.png\n")):
            (folder / "metadata" / f"{split}.txt").write_text(names)


class TestFlatBbbc039(DatasetTests):
    dataset = "bbbc039"

    def write_files(self, folder):
        fields(folder, "abc")
        (folder / "index.csv").write_text("stem,split\na,training\nb,validation\nc,test\n")


class TestBbbc006(DatasetTests):
    dataset = "bbbc006"
    options: ClassVar = {"by_well": True, "min_objects": 1}

    def write_files(self, folder):
        plate(folder, ["a01", "b02", "p24"])


class TestDsb2018(DatasetTests):
    dataset = "dsb2018"

    def write_files(self, folder):
        for id_ in "abcd":
            field(folder / "stage1_train", id_, [BIG, SMALL])


class TestSoundFolder(DatasetTests):
    dataset = "broken_datasets:FOLDER"

    def write_files(self, folder):
        for name in "abc":
            (folder / name).touch()


def case(name):
    where = name if ":" in name or name.islower() else f"broken_datasets:{name}"
    suite = type("Tests", (DatasetTests,), {"dataset": where, "write_files": TestSoundFolder.write_files})
    return suite().case()


@pytest.mark.parametrize(
    ("check", "name", "message"),
    [
        ("description", "heavy_dataset:SPEC", "importing heavy_dataset imports matplotlib"),
        ("description", "TWO_LINES", "title is 'two\\\\nlines'; expected one line"),
        ("description", "OTHER_SPEC", "OtherSpecClass has another spec than .*write `spec = OTHER_SPEC` in"),
        ("description", "NO_DATASET", "builtins:print is not a Dataset"),
        ("listed", "UNLISTED", "`fcrbench datasets` does not list unlisted"),
        ("options", "ANY_OPTION", r"AnyOption\(scales=\(1, 2\)\) become AnyOption\(scales=\[1, 2\]\)"),
        ("options", "NONE_OPTION", "cannot be written as TOML"),
        ("splits", "TWICE", "field a is listed twice in train"),
        ("splits", "BOTH", "field c is listed in both train and val"),
        ("splits", "UPPER_CASE", "'a' in train and 'A' in val differ only in upper and lower case"),
        ("splits", "NO_FILE_NAME", "the id 'a/b' in train cannot be used as a file name"),
        ("splits", "NO_VAL", "the split 'val' has no field; there are 1 in 'train'"),
        ("splits", "EMPTY_VAL", "the split 'val' has no field; there are 1 in 'train', 0 in 'val'"),
        ("fields", "NOT_A_NUMBER", "the image of field a holds NaN or infinity"),
        ("fields", "NO_PIXEL", "the image of field a has no pixel"),
        ("fields", "COLOUR", r"field a cannot be loaded: .* the image is uint16 \(3, 4, 3\)"),
        ("fields", "OTHER_SHAPE", r"the labels are \(2, 4\), the image is \(3, 4\)"),
        ("fields", "FLOAT_LABELS", "the labels are float64, expected integers"),
        ("fields", "NEGATIVE", "the labels hold -1"),
        ("fields", "NO_OBJECT", "none of the fields that were read has an object"),
        ("fields", "UNREADABLE", "field a cannot be loaded: KeyError: 'pixels'"),
        ("deterministic", "OF_HASH", "splits differ between two processes"),
        ("deterministic", "OF_CALLS", "splits differ between two data sets of the same options"),
        ("deterministic", "RANDOM_IMAGE", "field a differs when it is read again"),
        ("missing_files", "NO_EMPTY_FOLDER", "an empty folder raises IndexError .* expected DataError"),
    ],
)
def test_a_fault_is_found_and_named(check, name, message):
    with pytest.raises(AssertionError, match=f"(?s){message}"):
        getattr(dataset_checks, f"check_{check}")(case(name))


@pytest.mark.parametrize(
    ("method", "replaced", "message"),
    [
        ("load", lambda self, id_: None, "an unknown id raises nothing; expected UsageError"),
        ("load", lambda self, id_: {}[id_], "an unknown id raises KeyError .* expected UsageError"),
        ("samples", lambda self, split: iter(()), "an unknown split raises nothing"),
    ],
)
def test_errors_that_do_not_come_are_found(monkeypatch, method, replaced, message):
    """These are the base class's, and no data set can leave them out."""
    from broken_datasets import SoundClass

    monkeypatch.setattr(SoundClass, method, replaced)
    with pytest.raises(AssertionError, match=message):
        dataset_checks.check_errors(case("SOUND"))


def test_labels_that_are_not_consecutive_are_found(monkeypatch):
    from broken_datasets import LABELS, SoundClass

    from fcrbench.datasets import Sample

    for labels, message in (
        (LABELS, r"the labels of field a are uint8 \(3, 4\); expected int32"),
        (LABELS.astype(np.int32), "are not numbered 1..N in the order of their first pixels"),
    ):
        monkeypatch.setattr(SoundClass, "load", lambda self, id_, y=labels: Sample(id_, np.ones((3, 4)), y))
        with pytest.raises(AssertionError, match=message):
            dataset_checks.check_fields(case("SOUND"))


def test_every_check_has_a_fault_that_it_finds():
    (mark,) = (m for m in test_a_fault_is_found_and_named.pytestmark if m.name == "parametrize")
    names = {name.removeprefix("test_") for name in vars(DatasetTests) if name.startswith("test_")}
    assert {check for check, *_ in mark.args[1]} == names - {"errors"}  # found by the test below that one


def test_one_call_runs_every_check(tmp_path):
    check_dataset("broken_datasets:SOUND")
    with pytest.raises(AssertionError, match="listed twice"):
        check_dataset("broken_datasets:TWICE")
    check_dataset("folder", root=fields(tmp_path, "abcd"))


def test_a_data_set_without_files_says_what_to_implement():
    with pytest.raises(NotImplementedError, match="folder needs a folder: implement write_files"):
        check_dataset("folder")


def test_a_data_set_that_is_not_installed_is_refused_with_the_close_one():
    with pytest.raises(UsageError, match="did you mean 'sample'"):
        check_dataset("sampel")


def test_data_sets_are_tested_without_torch():
    code = "import sys; sys.modules['torch'] = None; from fcrbench.testing import check_dataset; "
    code += "check_dataset('synthetic', options={'size': 32, 'n_train': 1, 'n_val': 1})"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pytest_is_the_callers():
    sources = list(Path(testing.__file__).parent.glob("dataset_*.py"))
    assert len(sources) == 2
    assert not [path for path in sources if re.search(r"^\s*(import|from) pytest", path.read_text(), re.M)]
