"""The checks of data sets as a class that pytest collects, and as one call."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from unittest import SkipTest

from fcrbench.testing import dataset_checks as checks
from fcrbench.testing.dataset_checks import DatasetCase
from fcrbench.testing.expect import run_tests


class DatasetTests:
    """One test for each check. A subclass names the data set, and may replace any other value here.

    dataset  its name, once installed; or "module:ATTRIBUTE" of its DatasetSpec
    options  options that differ from the defaults
    root     a folder with its files. Where it is None and the data set needs one, `write_files` fills a
             temporary folder
    fields   how many fields of each split are read at most
    """

    dataset: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    root: ClassVar[str | os.PathLike[str] | None] = None
    fields: ClassVar[int] = 5

    def write_files(self, folder: Path) -> None:
        """Write a few small fields into an empty folder, in the layout of the data set."""
        raise NotImplementedError(
            f"data set {self.dataset} needs a folder: implement write_files(self, folder), or set root"
        )

    def case(self) -> DatasetCase:
        """The values of this class as the checks take them; made once for a class."""
        cls = type(self)
        if "_case" not in cls.__dict__:
            case = DatasetCase(self.dataset, self.options, self.root, self.fields)
            if self.root is None and case.spec.needs_root:
                cls._folder = tempfile.TemporaryDirectory()  # type: ignore[attr-defined]
                folder = Path(cls.__dict__["_folder"].name)
                self.write_files(folder)
                case = DatasetCase(self.dataset, self.options, folder, self.fields)
            cls._case = case  # type: ignore[attr-defined]
        made: DatasetCase = cls.__dict__["_case"]
        return made

    @classmethod
    def teardown_class(cls) -> None:
        """Called by pytest after the last test of the class."""
        if "_folder" in cls.__dict__:
            cls.__dict__["_folder"].cleanup()
            del cls._folder  # type: ignore[attr-defined]
        if "_case" in cls.__dict__:
            del cls._case  # type: ignore[attr-defined]

    def test_description(self) -> None:
        checks.check_description(self.case())

    def test_listed(self) -> None:
        if ":" in self.dataset:
            raise SkipTest(f"{self.dataset} is not installed under a name")
        checks.check_listed(self.case())

    def test_options(self) -> None:
        checks.check_options(self.case())

    def test_splits(self) -> None:
        checks.check_splits(self.case())

    def test_fields(self) -> None:
        checks.check_fields(self.case())

    def test_deterministic(self) -> None:
        checks.check_deterministic(self.case())

    def test_errors(self) -> None:
        checks.check_errors(self.case())

    def test_missing_files(self) -> None:
        if not self.case().spec.needs_root:
            raise SkipTest(f"{self.dataset} needs no folder")
        checks.check_missing_files(self.case())


def check_dataset(dataset: str, **values: Any) -> None:
    """Run every check of DatasetTests on a data set; `values` are those that DatasetTests names.

    Raises AssertionError with the first thing that is wrong.
    """
    suite: Any = type("Tests", (DatasetTests,), {"dataset": dataset, **values})()
    try:
        run_tests(suite)
    finally:
        suite.teardown_class()
