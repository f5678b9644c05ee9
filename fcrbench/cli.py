"""The command line: parsing and printing. Each command imports what it needs when it runs."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter

from fcrbench import __version__
from fcrbench.errors import FcrbenchError, UsageError

TRAINING_PACKAGES = ("torch", "lightning_fabric", "safetensors")  # the extra "train"

app = App(
    name="fcrbench",
    help="Score, train and compare methods of nucleus instance segmentation.",
    version=__version__,
    help_format="plaintext",
    default_parameter=Parameter(negative=()),
)
data = App(name="data", help="Fetch public data sets.")
app.command(data)


@app.command
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

    from fcrbench import run as runs
    from fcrbench.config import merge, read_toml
    from fcrbench.progress import TrainingDisplay
    from fcrbench.report.text import run_lines

    console = Console()
    values: dict[str, Any] = read_toml(config) if config else {}
    for key, value in [*given.items(), *map(_setting, settings)]:
        values = merge(values, _nested(key, value))
    with TrainingDisplay(console) as display:
        if resume is not None:
            folder = runs.resume(resume, display, stop_after)
        else:
            folder = runs.start(runs.configure(values), output, display, stop_after)
    console.print("\n".join(run_lines(folder)), highlight=False, soft_wrap=True)
    console.print(f"report: {folder / 'report.html'}", highlight=False, soft_wrap=True)


@app.command
def predict(
    images: Annotated[tuple[Path, ...], Parameter(required=True, negative=())],
    *,
    weights: Path,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    device: str = "auto",
    overwrite: bool = False,
) -> None:
    """Segment images: for each a label TIFF and an overlay PNG with the outlines.

    Example: fcrbench predict fields/ --weights runs/20260101-120000-sample-fcrnet-1a2b3c4d -o out/

    Parameters
    ----------
    images
        PNG or TIFF files, or folders of them; gray, 8 or 16 bit, any size.
    weights
        A run directory, or a .safetensors file of one.
    output
        Folder for NAME.tif (labels, 0 = background) and NAME_overlay.png.
    device
        auto, cpu, cuda or cuda:N.
    overwrite
        Replace label images that exist.
    """
    from fcrbench.predict import predict_images

    def report(name: str, objects: int) -> None:
        print(f"{name}: {objects} instances", flush=True)

    count = predict_images(images, weights, output, device=device, overwrite=overwrite, progress=report)
    print(f"{count} images segmented into {output}")


@app.command
def score(
    truth_dir: Path,
    pred_dir: Path,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    workers: int = 1,
) -> None:
    """Score predicted label images against the truth of the same file name.

    Example: fcrbench score truth/ out/ -o scores.csv

    Parameters
    ----------
    truth_dir
        Folder of label images, PNG or TIFF, 0 = background.
    pred_dir
        Folder of predicted label images with the same stems.
    output
        CSV with one row an image.
    workers
        Threads.
    """
    from fcrbench.report.text import score_lines
    from fcrbench.scoring import score_folders

    scores = score_folders(truth_dir, pred_dir, output, workers)
    print("\n".join(score_lines(scores.summary())))


@app.command
def methods(*names: str) -> None:
    """List the installed methods: package, parameters, paper; then presets and options of each.

    Example: fcrbench methods
    Example: fcrbench methods fcrnet

    Parameters
    ----------
    names
        Show these only.
    """
    import shutil

    from fcrbench.methods import listing, registry

    shown = names or tuple(registry.available())
    for name in shown:
        registry.spec(name)
    width = shutil.get_terminal_size((100, 24)).columns
    print("\n".join(listing.overview(shown)))
    for name in shown:
        print("\n" + "\n".join(listing.details(name, width)))


@app.command
def datasets() -> None:
    """List the data sets with their licence, source and options.

    Example: fcrbench datasets
    """
    from fcrbench.datasets import available

    for spec in available():
        needs = "  needs --root FOLDER" if spec.needs_root else ""
        print(f"{spec.name}: {spec.title}{needs}\n  {spec.how_to_get}\n  {spec.licence}; {spec.source}")
        for name, default in spec.options.items():
            print(f"  --set dataset.options.{name}={default}")


@data.command
def fetch(
    name: str,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path("data"),
    z: int = 16,
    base_url: str | None = None,
) -> None:
    """Download a public data set; an interrupted download continues where it stopped.

    Example: fcrbench data fetch bbbc039 -o data

    Parameters
    ----------
    name
        bbbc006, bbbc039 or dsb2018.
    output
        Folder to make the data set's own folder in.
    z
        Plane of bbbc006, 0 to 33; 16 is in focus.
    base_url
        A mirror to download from instead of the publisher.
    """
    from fcrbench.datasets.fetch import fetch as fetch_dataset

    folder = fetch_dataset(name, output, base_url, z=z)
    print(f"{name} is in {folder}; use it with: fcrbench run --dataset {name} --root {folder}")


def _setting(text: str) -> tuple[str, Any]:
    """KEY=VALUE, the value as TOML would read it, else as a string."""
    import tomllib

    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {text}: expected KEY=VALUE")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def _nested(key: str, value: Any) -> dict[str, Any]:
    """{"a": {"b": value}} for the key "a.b"."""
    first, dot, rest = key.partition(".")
    return {first: _nested(rest, value) if dot else value}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 ok, 1 failed, 2 wrong usage, 130 interrupted."""
    try:
        app(argv, exit_on_error=False, print_error=False, result_action="return_value")
    except FcrbenchError as error:
        return _fail(str(error), error.exit_code)
    except CycloptsError as error:
        return _fail(str(error), 2)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except ModuleNotFoundError as error:
        if error.name not in TRAINING_PACKAGES:
            raise
        return _fail(f'this command needs {error.name}: pip install "fcrbench[train]"', 1)
    except BrokenPipeError:  # the reader of our output, such as `head`, has had enough
        sys.stdout = None  # so that nothing is flushed at exit
        return 0
    return 0


def _fail(message: str, code: int) -> int:
    print(f"fcrbench: error: {' '.join(message.split())}", file=sys.stderr)
    return code
