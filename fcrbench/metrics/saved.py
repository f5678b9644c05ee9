"""Tables of scores that were saved as CSV."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fcrbench.metrics.pooled import check_columns

if TYPE_CHECKING:
    import pandas as pd


def read_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table that `fcrbench score -o` or `DatasetScores.table.to_csv` wrote.

    The names of images stay text, as they were written: `pandas.read_csv` by itself reads 0001 as the number
    1, and NA or null as a missing value.

    Args:
        path: the CSV file; one row per image, with a column `image`.

    Returns the table, as `compare` and `summarize` take it.

    Raises OSError if the file cannot be read, ValueError if it is no table of scores.
    """
    import pandas as pd

    try:
        columns = pd.read_csv(path, nrows=0).columns
        missing = {column: ["", "nan", "NaN"] for column in columns if column != "image"}
        table = pd.read_csv(path, dtype={"image": str}, keep_default_na=False, na_values=missing)
    except ValueError as error:  # also pandas' own errors of parsing and of empty files
        raise ValueError(f"{os.fspath(path)}: expected a table of scores as CSV: {error}") from error
    check_columns(table, os.fspath(path))
    return table
