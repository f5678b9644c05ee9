"""`fcrbench robustness`."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

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
) -> None:
    """Scores over blur, noise, gain, scale and bit depth of the images, as curves with intervals.

    Example: fcrbench robustness default --dataset sample -o robustness/
    Example: fcrbench robustness runs/20260101-120000-sample-fcrnet-1a2b3c4d --corruptions blur,noise

    What cannot be read or segmented is listed with the reasons when the rest is done, and the exit code is 1.

    Parameters
    ----------
    weights
        default, the ones that come with fcrbench; a run directory; or a .safetensors file of one.
    dataset
        As `fcrbench datasets` lists them; its validation fields are used.
    root
        Folder of the data set; `fcrbench datasets` says which need one.
    corruptions
        Of blur, noise, gain, scale, bits; names separated by commas, or all.
    images
        Use the first so many fields only.
    seed
        Of the noise.
    device
        auto, cpu, cuda or cuda:N.
    settings
        Options of the data set as dataset.options.NAME=VALUE; may be repeated.
    output
        Folder for robustness.html, robustness.csv and images.csv.
    """
    from fcrbench.config import merge
    from fcrbench.config.settings import nested, setting

    values: dict[str, Any] = {}
    for key, value in map(setting, settings):
        if not key.startswith("dataset.options."):
            raise UsageError(f"--set {key}: expected dataset.options.NAME")
        values = merge(values, nested(key, value))

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
        progress=lambda point: print(
            f"{point.corruption.name:6} {point.level:<7g} AP {point.metrics['ap']['mean']:.3f}  "
            f"F1@0.5 {point.metrics['f1']['mean']:.3f}",
            flush=True,
        ),
        conclude=print,
    )
