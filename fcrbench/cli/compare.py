"""`fcrbench compare`, and writing the files of a comparison."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from fcrbench.comparison import Comparison


def compare(
    runs: Annotated[tuple[Path, ...], Parameter(required=True, negative=())],
    *,
    against: str | None = None,
    root: Path | None = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
) -> None:
    """Compare finished runs: scores with intervals, size, speed, paired differences.

    Example: fcrbench compare runs/* --against fcrnet -o comparison/

    All runs must have been scored on the same fields.
    Runs that differ only in their seed share a row.
    The paper's Table 1 is shown as a table of its own.

    Parameters
    ----------
    runs
        Run directories.
    against
        The reference for the differences: a run directory, a method or the name of a row.
        The default is the first row.
    root
        Folder of the data set, if it has moved since the runs were made.
    output
        Folder for table.md, table.tex, table.csv and table.html.
        The page table.html also shows some fields as every method segmented them.
    """
    from rich.console import Console

    from fcrbench.comparison import compare_runs
    from fcrbench.report.comparison_files import check_folder, show
    from fcrbench.text import printable

    if output is not None:
        check_folder(output, runs)
    comparison = compare_runs(runs, against)
    console = Console()
    show(comparison, console)
    if output is not None:
        write_comparison(comparison, output, root)
        print(printable(f"page: {output / 'table.html'}"))


def write_comparison(comparison: "Comparison", output: Path, root: Path | None = None) -> None:
    """Write the files of a comparison. `root` replaces the folder of its data set."""
    from fcrbench.comparison.runs import open_dataset
    from fcrbench.report.comparison_files import write

    write(comparison, open_dataset(comparison.rows[0].runs[0], root), output)
