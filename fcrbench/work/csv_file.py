"""Writes rows as CSV so that every name of an image reads back as it is."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd


def append_csv(path: Path, table: "pd.DataFrame", *, header: bool = True) -> None:
    """Append the rows of a table to a file, as UTF-8."""
    # Readers take a carriage return for the end of a row unless it is quoted, and pandas does not quote it.
    texts = table.select_dtypes(exclude="number")
    returns = any("\r" in str(value) for column in texts for value in texts[column].unique())
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    table.to_csv(path, index=False, mode="a", header=header, quoting=quoting)
