"""`fcrbench run`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

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
) -> None:
    """Train a method, segment the validation fields, score them, write a report.

    Example: fcrbench run --method fcrnet --dataset sample --seed 0
    Example: fcrbench run --method fcrnet --set options.colors=3 --set training.learning_rate=0.001
    Example: fcrbench run --weights default --dataset sample
    Example: fcrbench run --resume runs/20260101-120000-sample-fcrnet-1a2b3c4d

    Ctrl-C saves; --resume continues as if it had never been stopped.

    Parameters
    ----------
    method
        As `fcrbench methods` lists them; fcrnet unless said.
    dataset
        As `fcrbench datasets` lists them; sample, real fields that come with the package, unless said.
    root
        Folder of the data set; `fcrbench datasets` says which need one.
    preset
        Named set of the method's options and training; "default" unless said. fcrnet also has "paper" and
        "authors".
    weights
        Score these without training: default, the ones that come with fcrbench; a run directory; or a
        .safetensors file of one. The method and its options are theirs.
    init
        Start the training from these weights, named as for --weights; `fcrbench finetune` is the short way.
    config
        TOML file with any of the keys that a run's config.toml shows; options given here win over it.
    epochs
        Passes over the training fields.
    seed
        Of weights, crops and augmentation.
    device
        auto, cpu, cuda or cuda:N.
    devices
        Processes that share each batch, each on a GPU of its own or all on the CPU; the result stays.
    settings
        Any other key of the configuration as KEY=VALUE; may be repeated.
    output
        Folder in which a new run directory is made.
    resume
        An interrupted run directory to finish.
    stop_after
        Stop after this many epochs as Ctrl-C would; finish later with --resume.
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
    }
    given = {key: value for key, value in chosen.items() if value is not None}
    if resume is not None and (given or config or settings):
        raise UsageError("--resume continues a run as it was configured; it takes no other setting")
    if weights is not None and epochs is not None:
        raise UsageError("--weights are scored as they are and take no --epochs; --init trains further")
    if resume is not None:
        _show("resume", resume, stop_after=stop_after, devices=devices)
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
    """Make a run and show its scores.

    values    of the configuration, nested; `given` (dotted keys) and then `settings` (KEY=VALUE) win
    """
    from fcrbench.config import merge
    from fcrbench.config.settings import nested, setting
    from fcrbench.jobs.configure import configure

    for key, value in [*given.items(), *map(setting, settings)]:
        values = merge(values, nested(key, value))
    configuration = configure(values)
    if configuration.weights and devices != 1:
        raise UsageError("--devices share the batches of a training; --weights are scored by one process")
    _show("start", configuration, output, stop_after=stop_after, devices=devices)


def _show(what: str, *args: Any, stop_after: int | None, devices: int) -> None:
    """Do what(*args) of fcrbench.jobs.run, which returns a run directory, and print what is in it."""
    if devices < 1:
        raise UsageError(f"--devices {devices}: expected at least 1")
    # Seconds of imports: wrong usage is told before.
    from rich.console import Console

    from fcrbench.compute.processes import launch, rank
    from fcrbench.report.text import run_lines

    folder = launch(_displayed, what, args, stop_after, processes=devices)
    if rank() != 0:
        return
    console = Console()
    console.print("\n".join(run_lines(folder)), highlight=False, soft_wrap=True)
    console.print(f"report: {folder / 'report.html'}", highlight=False, soft_wrap=True)


def _displayed(what: str, args: tuple[Any, ...], stop_after: int | None) -> Path:
    """In each process: the function of fcrbench.jobs.run with a display, which only the first shows."""
    from rich.console import Console

    from fcrbench.compute.processes import rank
    from fcrbench.jobs import run as runs
    from fcrbench.work.display import TrainingDisplay

    with TrainingDisplay(Console(quiet=rank() != 0)) as display:
        return getattr(runs, what)(*args, display, stop_after)
