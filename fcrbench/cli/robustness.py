"""`fcrbench robustness`."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from fcrbench.cli.common import REPORTING, Reporting, say
from fcrbench.cli.planes import PLANES, Planes
from fcrbench.cli.run import Settings
from fcrbench.errors import UsageError


def robustness(
    weights: str = "default",
    *,
    dataset: str = "sample",
    root: Path | None = None,
    corruptions: str = "all",
    images: int | None = None,
    seed: int = 0,
    device: str = "auto",
    settings: Settings = (),
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path("robustness"),
    planes: Planes = PLANES,
    reporting: Reporting = REPORTING,
) -> None:
    """Measure how scores change with blur, noise, gain, scale and bit depth of the images.

    Example: fcrbench robustness default --dataset sample -o robustness/
    Example: fcrbench robustness runs/20260101-120000-sample-fcrnet-1a2b3c4d --corruptions blur,noise

    The result is a page of curves with 95 % intervals, and the same numbers as CSV.
    Fields that cannot be read or segmented do not stop the others.
    They are listed with the reasons at the end, and the exit code is 3.

    Parameters
    ----------
    weights
        "default" (they come with fcrbench), a run directory or a .safetensors file.
    dataset
        Name of a data set that `fcrbench datasets` lists. Its validation fields are used.
    root
        Folder of the data set. `fcrbench datasets` says which data sets need one.
    corruptions
        Any of blur, noise, gain, scale and bits, separated by commas, or all.
    images
        Number of fields to use, counted from the first. The default is all of them.
    seed
        Seed of the noise.
    device
        auto, cpu, cuda or cuda:N.
    settings
        Option of the data set as dataset.options.NAME=VALUE. May be repeated.
    output
        Folder for robustness.html, robustness.csv and images.csv.
    """
    from fcrbench.config import merge
    from fcrbench.config.settings import nest_value, parse_setting

    values: dict[str, Any] = {}
    for key, value in [*planes.options().items(), *map(parse_setting, settings)]:
        if not key.startswith("dataset.options."):
            raise UsageError(f"--set {key}: expected dataset.options.NAME")
        values = merge(values, nest_value(key, value))

    from fcrbench.jobs.robustness import measure_robustness

    measure_robustness(
        weights,
        dataset,
        root,
        output,
        options=values.get("dataset", {}).get("options", {}),
        corruptions=corruptions,
        images=images,
        seed=seed,
        device=device,
        progress=lambda point: say(
            f"{point.corruption.name:6} {point.level:<7g} AP {point.metrics['ap']['mean']:.3f}  "
            f"F1@0.5 {point.metrics['f1']['mean']:.3f}"
        ),
        conclude=say,
    )
