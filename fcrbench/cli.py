"""The command line: parsing and printing. Each command imports what it needs when it runs."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, CycloptsError, Parameter

from fcrbench import __version__
from fcrbench.errors import FcrbenchError, UsageError

if TYPE_CHECKING:
    from fcrbench.comparison import Comparison

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


@app.command
def compare(
    runs: Annotated[tuple[Path, ...], Parameter(required=True, negative=())],
    *,
    against: str | None = None,
    root: Path | None = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
) -> None:
    """Set finished runs side by side: scores with intervals, size, speed, paired differences.

    Example: fcrbench compare runs/* --against fcrnet -o comparison/

    Runs must have been scored on the same fields. Those that differ in their seed only share a row. The
    rows of the paper's Table 1 stand apart.

    Parameters
    ----------
    runs
        Run directories.
    against
        What differences are taken to: a run directory, a method or a row's name; the first unless said.
    root
        Folder of the data set, where it is no longer the one that the runs were made with.
    output
        Folder for table.md, table.tex, table.csv and table.html, which shows fields as every method
        segmented them.
    """
    from rich.console import Console

    from fcrbench.comparison import compare_runs
    from fcrbench.report.comparison_files import show

    comparison = compare_runs(runs, against)
    console = Console()
    show(comparison, console)
    if output is not None:
        _write_comparison(comparison, output, root)
        console.print(f"page: {output / 'table.html'}", highlight=False, soft_wrap=True)


@app.command
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
) -> None:
    """Train and score every method on one data set with the same budget, then compare.

    Example: fcrbench table --dataset bbbc039 --root data/bbbc039 --methods all --epochs 5 -o table/
    Example: fcrbench table --methods "fcrnet,fcrnet colors=3,classical" --seeds 0,1,2

    Every method sees the same number of crops of the same size, whatever its preset says: training.epochs,
    training.crops_per_image and training.crop are those given here, else the defaults of `fcrbench run`.
    Runs that are finished in the output folder are kept, interrupted ones are gone on with. A method that
    fails is named, and the others go on.

    Parameters
    ----------
    dataset
        As `fcrbench datasets` lists them.
    root
        Folder of the data set; `fcrbench datasets` says which need one.
    methods
        Names separated by commas, or all; a preset and options may follow a name: "fcrnet (paper) colors=3".
    epochs
        Passes over the training fields.
    seeds
        Whole numbers separated by commas; several share a row, with their spread.
    against
        What differences are taken to: a method or a row's name; the first unless said.
    device
        auto, cpu, cuda or cuda:N.
    settings
        Any other key of the configuration as KEY=VALUE, for all methods; may be repeated.
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

    from fcrbench.comparison import compare_runs, sweep
    from fcrbench.config import merge
    from fcrbench.progress import TrainingDisplay
    from fcrbench.report.comparison_files import show
    from fcrbench.settings import nested, setting

    console = Console()
    values: dict[str, Any] = {}
    for key, value in [*given.items(), *map(setting, settings)]:
        values = merge(values, nested(key, value))
    planned = sweep.plan(sweep.entries(methods), sweep.seeds(seeds), values)
    done = sweep.make_runs(
        planned,
        output / "runs",
        lambda: TrainingDisplay(console),
        lambda text: console.print(text, highlight=False, soft_wrap=True, markup=False),
    )
    if done.folders:
        comparison = compare_runs(done.folders, against)
        show(comparison, console)
        _write_comparison(comparison, output)
        console.print(f"page: {output / 'table.html'}", highlight=False, soft_wrap=True)
    if done.failures:
        raise FcrbenchError(f"not in the table: {'; '.join(done.failures)}")


def _write_comparison(comparison: "Comparison", output: Path, root: Path | None = None) -> None:
    from fcrbench.comparison.runs import open_dataset
    from fcrbench.report.comparison_files import write

    write(comparison, open_dataset(comparison.rows[0].runs[0], root), output)


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
