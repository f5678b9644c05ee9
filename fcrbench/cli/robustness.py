"""`fcrbench robustness`."""

from functools import partial
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
    from fcrbench import datasets, manifest
    from fcrbench import weights as files
    from fcrbench.config import merge
    from fcrbench.failures import Failure, Failures, attempt
    from fcrbench.robustness import choose, measure
    from fcrbench.settings import nested, setting

    values: dict[str, Any] = {}
    for key, value in map(setting, settings):
        if not key.startswith("dataset.options."):
            raise UsageError(f"--set {key}: expected dataset.options.NAME")
        values = merge(values, nested(key, value))
    if images is not None and images < 1:
        raise UsageError(f"--images {images}: expected 1 or more")
    data = datasets.create(dataset, root, **values.get("dataset", {}).get("options", {}))
    ids = data.splits.get("val", ())[:images]
    if not ids:
        raise UsageError(f"data set {dataset} has no field in its 'val' split")
    failures = Failures(output / "failed.csv")
    samples = []
    for i in ids:
        sample = attempt(partial(data.load, i), f"field {i}")
        if isinstance(sample, Failure):
            failures.add(i, sample)
        else:
            samples.append(sample)
    if not samples:
        failures.finish(len(ids), "read")
    chosen = choose(corruptions, samples[0].image.dtype)
    path = files.resolve(weights)

    from fcrbench.atomic import check_folder
    from fcrbench.inference import load_predictor
    from fcrbench.report.robustness import eight_bits, write

    predictor = load_predictor(weights, device)
    check_folder(output)
    points = measure(
        predictor,
        samples,
        chosen,
        seed=seed,
        failures=failures,
        progress=lambda p: print(
            f"{p.corruption.name:6} {p.level:<7g} AP {p.metrics['ap']['mean']:.3f}  "
            f"F1@0.5 {p.metrics['f1']['mean']:.3f}",
            flush=True,
        ),
    )
    levels = sum(level != one.none for one in chosen for level in one.levels)
    total = len(ids) + levels * len(samples)
    if not points:
        failures.finish(total, "segmented")
    what = {
        "title": f"Robustness of {files.read_header(path).method} on {dataset}",
        "weights": weights,
        "method": files.read_header(path).method,
        "sha256": files.sha256(path),
        "split": "val",
        "n_images": len(samples),
        "seed": seed,
        "manifest": manifest.describe_environment(),
    }
    write(points, data, what, output)
    if sentence := eight_bits(points):
        print(sentence)
    print(f"page: {output / 'robustness.html'}")
    failures.finish(total, "segmented")
