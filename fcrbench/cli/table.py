"""`fcrbench table`."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from fcrbench.cli.common import REPORTING, Reporting, is_quiet, say
from fcrbench.cli.compare import write_comparison
from fcrbench.errors import FcrbenchError, PartialError


def table(
    *,
    dataset: str = "sample",
    root: Path | None = None,
    methods: str = "all",
    epochs: int | None = None,
    seeds: str = "0",
    against: str | None = None,
    device: str | None = None,
    settings: Annotated[tuple[str, ...], Parameter(name="--set", negative=(), show_default=False)] = (),
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path("table"),
    reporting: Reporting = REPORTING,
) -> None:
    """Train and score several methods on one data set with the same budget, then compare them.

    Example: fcrbench table --dataset bbbc039 --root data/bbbc039 --methods all --epochs 5 -o table/
    Example: fcrbench table --methods "fcrnet,fcrnet colors=3,classical" --seeds 0,1,2

    Every method sees the same number of training crops of the same size, whatever its preset says.
    Set training.epochs, training.crops_per_image and training.crop to change this budget.
    Finished runs in the output folder are reused, and interrupted ones are continued.
    If a method fails, the others go on, and the command names it at the end.

    Parameters
    ----------
    dataset
        Name of a data set that `fcrbench datasets` lists.
    root
        Folder of the data set. `fcrbench datasets` says which data sets need one.
    methods
        Names of methods separated by commas, or all.
        A preset and options may follow a name: "fcrnet (paper) colors=3".
    epochs
        Number of passes over the training fields. The default is 10.
    seeds
        Whole numbers separated by commas. Runs with different seeds share a row, which shows their spread.
    against
        The reference for the differences: a method or the name of a row. The default is the first row.
    device
        auto, cpu, cuda or cuda:N.
    settings
        Any other key of the configuration as KEY=VALUE, for all methods. May be repeated.
    output
        Folder for runs/, table.md, table.tex, table.csv and table.html.
    """
    chosen = {
        "dataset.name": dataset,
        "dataset.root": str(root.resolve()) if root else None,
        "training.epochs": epochs,
        "device": device,
    }
    given = {key: value for key, value in chosen.items() if value is not None}
    from rich.console import Console

    from fcrbench.comparison import compare_runs
    from fcrbench.config import merge
    from fcrbench.config.settings import nest_value, parse_setting
    from fcrbench.jobs import table as runs
    from fcrbench.report.comparison_files import check_folder, show
    from fcrbench.work.display import TrainingDisplay

    console = Console(quiet=is_quiet())
    values: dict[str, Any] = {}
    for key, value in [*given.items(), *map(parse_setting, settings)]:
        values = merge(values, nest_value(key, value))
    planned = runs.plan_runs(runs.parse_entries(methods), runs.parse_seeds(seeds), values)
    check_folder(output, sorted(output.glob("runs/*")))
    done = runs.make_runs(
        planned,
        output / "runs",
        lambda: TrainingDisplay(console),
        say,
    )
    if done.folders:
        comparison = compare_runs(done.folders, against)
        show(comparison, console)
        write_comparison(comparison, output)
        say(f"page: {output / 'table.html'}")
    if done.failures:
        kind = PartialError if done.folders else FcrbenchError
        raise kind(f"not in the table: {'; '.join(done.failures)}")
