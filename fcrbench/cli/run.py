"""`fcrbench run`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from fcrbench.cli.common import REPORTING, Reporting, active_reporting, reporting_in_process, say
from fcrbench.cli.planes import PLANES, Planes
from fcrbench.errors import UsageError

Settings = Annotated[tuple[str, ...], Parameter(name="--set", negative=(), show_default=False)]


def run(
    *,
    method: str | None = None,
    dataset: str | None = None,
    root: Path | None = None,
    preset: str | None = None,
    weights: str | None = None,
    init: str | None = None,
    config: Path | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    devices: int = 1,
    settings: Settings = (),
    output: Path = Path("runs"),
    resume: Path | None = None,
    stop_after: int | None = None,
    planes: Planes = PLANES,
    reporting: Reporting = REPORTING,
) -> None:
    """Train a method, segment and score the validation fields, and write a report.

    Example: fcrbench run --method fcrnet --dataset sample --seed 0
    Example: fcrbench run --method fcrnet --set options.colors=3 --set training.learning_rate=0.001
    Example: fcrbench run --weights default --dataset sample
    Example: fcrbench run --resume runs/20260101-120000-sample-fcrnet-1a2b3c4d

    A field is one image of a data set together with its annotated nuclei.
    Ctrl-C saves the run. --resume then continues as if the run had never been stopped.

    Parameters
    ----------
    method
        Name of a method that `fcrbench methods` lists. The default is fcrnet.
    dataset
        Name of a data set that `fcrbench datasets` lists.
        The default is sample: real fields that come with the package.
    root
        Folder of the data set. `fcrbench datasets` says which data sets need one.
    preset
        Named set of values for the method and its training. The default is "default".
        fcrnet also has "paper" and "authors".
    weights
        Score these weights without training.
        Give "default" (they come with fcrbench), a run directory or a .safetensors file.
        The method and its options are read from the weights.
    init
        Start the training from these weights, given as for --weights.
        `fcrbench finetune` does this with fewer options.
    config
        TOML file with any of the keys that config.toml of a run shows.
        Options on the command line override it.
    epochs
        Number of passes over the training fields. The default depends on the preset.
    seed
        Seed of the initial weights, the random crops and the augmentation.
    device
        auto, cpu, cuda or cuda:N.
    devices
        Number of processes that share each batch, each on its own GPU or all on the CPU.
        The result is that of one process.
    settings
        Any other key of the configuration as KEY=VALUE. May be repeated.
    output
        Folder in which a new run directory is created.
    resume
        Directory of an interrupted run to finish.
    stop_after
        Stop after this many epochs, as Ctrl-C would. Finish later with --resume.
    """
    chosen = {
        "method": method,
        "preset": preset,
        "weights": weights,
        "init": init,
        "seed": seed,
        "device": device,
        "dataset.name": dataset,
        "dataset.root": str(root.resolve()) if root else None,
        "training.epochs": epochs,
        **planes.options(),
    }
    given = {key: value for key, value in chosen.items() if value is not None}
    if resume is not None and (given or config or settings):
        raise UsageError("--resume continues a run as it was configured; it takes no other setting")
    if weights is not None and epochs is not None:
        raise UsageError("--weights scores without training, so it takes no --epochs; --init trains further")
    if resume is not None:
        _run_and_print("resume", resume, stop_after=stop_after, devices=devices)
        return
    from fcrbench.config import read_toml

    start(read_toml(config) if config else {}, given, settings, output, stop_after, devices)


def start(
    values: Mapping[str, Any],
    given: Mapping[str, Any],
    settings: Sequence[str],
    output: Path,
    stop_after: int | None,
    devices: int,
) -> None:
    """Do a new run and print its scores.

    values    nested values of the configuration; `given` (dotted keys) override them, and `settings`
              (KEY=VALUE) override both
    """
    from fcrbench.config import merge
    from fcrbench.config.settings import nest_value, parse_setting
    from fcrbench.jobs.configure import configure

    for key, value in [*given.items(), *map(parse_setting, settings)]:
        values = merge(values, nest_value(key, value))
    configuration = configure(values)
    if configuration.weights and devices != 1:
        raise UsageError("--devices shares the batches of a training; --weights are scored by one process")
    _run_and_print("start", configuration, output, stop_after=stop_after, devices=devices)


def _run_and_print(function: str, *args: Any, stop_after: int | None, devices: int) -> None:
    """Call a function of fcrbench.jobs.run, which returns a run directory, and print the scores."""
    if devices < 1:
        raise UsageError(f"--devices {devices}: expected at least 1")
    # These imports take seconds, so they come after the checks of the arguments.
    from fcrbench.compute.processes import launch, rank
    from fcrbench.report.text import run_lines

    arguments = (active_reporting(), function, args, stop_after)
    folder = launch(_run_with_display, *arguments, processes=devices)
    if rank() != 0:
        return
    say("\n".join(run_lines(folder)))
    say(f"report: {folder / 'report.html'}")


def _run_with_display(
    reporting: Reporting, function: str, args: tuple[Any, ...], stop_after: int | None
) -> Path:
    """Call a function of fcrbench.jobs.run in one of the processes. Only the first process shows progress."""
    from rich.console import Console

    from fcrbench.compute.processes import rank
    from fcrbench.jobs import run as runs
    from fcrbench.work.display import TrainingDisplay

    with (
        reporting_in_process(reporting, is_first=rank() == 0),
        TrainingDisplay(Console(quiet=reporting.quiet or rank() != 0)) as display,
    ):
        return getattr(runs, function)(*args, display, stop_after)
