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
        Named set of the method's options and training; "default" unless said. fcrnet also has "paper".
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
        _show(lambda runs, display: runs.resume(resume, display, stop_after))
        return
    from fcrbench.config import read_toml

    start(read_toml(config) if config else {}, given, settings, output, stop_after)


def start(
    values: Mapping[str, Any],
    given: Mapping[str, Any],
    settings: Sequence[str],
    output: Path,
    stop_after: int | None,
) -> None:
    """Make a run and show its scores.

    values    of the configuration, nested; `given` (dotted keys) and then `settings` (KEY=VALUE) win
    """
    from fcrbench.config import merge
    from fcrbench.configure import configure
    from fcrbench.settings import nested, setting

    for key, value in [*given.items(), *map(setting, settings)]:
        values = merge(values, nested(key, value))
    configuration = configure(values)
    _show(lambda runs, display: runs.start(configuration, output, display, stop_after))


def _show(make: Any) -> None:
    """Call make(fcrbench.run, display), which returns a run directory, and print what is in it."""
    from rich.console import Console

    from fcrbench import run as runs  # seconds of imports: wrong usage is told before
    from fcrbench.progress import TrainingDisplay
    from fcrbench.report.text import run_lines

    console = Console()
    with TrainingDisplay(console) as display:
        folder = make(runs, display)
    console.print("\n".join(run_lines(folder)), highlight=False, soft_wrap=True)
    console.print(f"report: {folder / 'report.html'}", highlight=False, soft_wrap=True)
