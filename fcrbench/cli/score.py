"""`fcrbench score`."""

import logging
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from fcrbench.cli.common import REPORTING, ImageReport, Reporting, say, there_already

log = logging.getLogger(__name__)
LABELLED = {"truth": "truth", "pred": "prediction", "both": "truth and prediction"}


def score(
    truth_dir: Path,
    pred_dir: Path,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    suffix: str | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    strict: bool = False,
    resume: bool = False,
    label_mask: Literal["truth", "pred", "both"] | None = None,
    reporting: Reporting = REPORTING,
) -> None:
    """Score predicted label images against true ones with the same file names.

    If no names are equal, the suffixes of well-known programs are tried, such as _cp_masks of Cellpose.

    Example: fcrbench score truth/ out/ -o scores.csv
    Example: fcrbench score truth/ predictions/ --suffix _result
    Example: fcrbench score truth.zarr out/slide.zarr
    Example: fcrbench score truth/ out/ -o scores.csv --scheduler tcp://10.0.0.1:8786

    Images that cannot be scored do not stop the others.
    They are listed with the reasons at the end, and the exit code is 3 (1 if all failed).

    Parameters
    ----------
    truth_dir
        Folder of true label images (PNG, TIFF, ..; 0 = background), or one image, also OME-Zarr
        (image.zarr/labels/NAME).
        Folders below it are searched, too.
    pred_dir
        Folder of predicted label images with the same names, or the prediction of the one image.
    output
        CSV file to write, with one row per image.
    suffix
        The predicted file of the true NAME is NAME + suffix. "" allows equal names only.
    workers
        Number of images that are scored at the same time, in threads.
    scheduler
        Address of a dask scheduler. Its workers do the work and must see the same folders.
    strict
        Stop at the first image that fails.
    resume
        Continue an interrupted call with the same folders and output.
    label_mask
        Which files are masks of 0 and one other value instead of label images: truth, pred or both.
        Their components become the objects. Pixels that touch at a corner only are not connected.
    """
    from fcrbench.errors import UsageError
    from fcrbench.jobs.score import score_folders
    from fcrbench.report.text import score_lines
    from fcrbench.work.interrupt import stop_between_images

    if workers < 1:
        raise UsageError(f"--workers: expected 1 or more, found {workers}")
    with ImageReport("scored") as report, stop_between_images() as stopped:
        found = score_folders(
            truth_dir,
            pred_dir,
            output,
            workers,
            scheduler=scheduler,
            strict=strict,
            resume=resume,
            suffix=suffix,
            label_mask=label_mask,
            begin=report.begin,
            progress=report.update,
            stopped=stopped,
        )
    for message in found.warnings("--label-mask {}"):
        log.warning("%s", message)
    scored = len(found.scores.table)
    if scored:
        if label_mask is not None:
            say(f"objects of {LABELLED[label_mask]}: the components of masks")
        say("\n".join(score_lines(found.scores.summary())))
    if found.earlier:
        say(f"{scored - found.earlier:,} images scored{there_already(found.earlier)}")
    found.failures.finish(found.images, "scored")
