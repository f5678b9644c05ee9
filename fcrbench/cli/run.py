"""`fcrbench run`."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from fcrbench.errors import UsageError


def run(
    *,
    method: str | None = None,
    dataset: str | None = None,
    root: Path | None = None,
    preset: str | None = None,
    config: Path | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    settings: Annotated[tuple[str, ...], Parameter(name="--set", negative=(), show_default=False)] = (),
    output: Path = Path("runs"),
    resume: Path | None = None,
    stop_after: int | None = None,
) -> None:
    """Train a method, segment the validation fields, score them, write a report.

    Example: fcrbench run --method fcrnet --dataset sample --seed 0
    Example: fcrbench run --method fcrnet --set options.colors=3 --set training.learning_rate=0.001
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
        "seed": seed,
        "device": device,
        "dataset.name": dataset,
        "dataset.root": str(root.resolve()) if root else None,
        "training.epochs": epochs,
    }
    given = {key: value for key, value in chosen.items() if value is not None}
    if resume is not None and (given or config or settings):
        raise UsageError("--resume continues a run as it was configured; it takes no other setting")
    from rich.console import Console

    from fcrbench.config import merge, read_toml
    from fcrbench.configure import configure
    from fcrbench.progress import TrainingDisplay
    from fcrbench.report.text import run_lines
    from fcrbench.settings import nested, setting

    console = Console()
    values: dict[str, Any] = read_toml(config) if config else {}
    for key, value in [*given.items(), *map(setting, settings)]:
        values = merge(values, nested(key, value))
    configuration = configure(values)
    from fcrbench import run as runs  # seconds of imports: wrong usage is told before

    with TrainingDisplay(console) as display:
        if resume is not None:
            folder = runs.resume(resume, display, stop_after)
        else:
            folder = runs.start(configuration, output, display, stop_after)
    console.print("\n".join(run_lines(folder)), highlight=False, soft_wrap=True)
    console.print(f"report: {folder / 'report.html'}", highlight=False, soft_wrap=True)
