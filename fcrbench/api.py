"""What `fcrbench predict` and `fcrbench score` do, as functions for arrays and folders.

The package offers them as `fcrbench.segment` and `fcrbench.score_folders`. PyTorch is imported when `segment`
is called, not before.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.errors import DataError, LabelWarning
from fcrbench.labels import to_numpy

if TYPE_CHECKING:
    import pandas as pd

    from fcrbench.metrics.progress import Progress

__all__ = ["FolderResult", "score_folders", "segment"]

log = logging.getLogger(__name__)


def __dir__() -> list[str]:
    return __all__


def segment(
    image: ArrayLike,
    weights: str | Path = "default",
    *,
    device: str = "auto",
    tile: int | None = None,
) -> NDArray[np.int32]:
    """Segment the nuclei of one image, as `fcrbench predict` does.

    The network stays loaded for the next call with the same weights and device. Needs the extra "train".

    Args:
        image: (H, W) gray values, bright nuclei on dark background, of any integer or floating dtype or bool;
            or anything that NumPy makes an array of: a torch tensor, an array of dask, Zarr or xarray.
        weights: "default" (they come with fcrbench), a run directory (its last weights) or a .safetensors
            file. A file that has changed is loaded again.
        device: "auto", "cpu", "cuda" or "cuda:N".
        tile: side of the tiles in which the image passes the network, in pixels; 0 is the whole image. The
            result does not depend on it. None tiles images of more than 2048 x 2048 pixels.

    Returns (H, W) int32, 0 = background, objects 1..n in raster order of their first pixel.

    Raises:
        TypeError: the image has another dtype.
        ValueError: the image is not 2-D, is empty, or has masked pixels, NaN or infinity; tile is negative.
        DataError: the weights do not exist or cannot be used, or the network gives NaN for the image.

    Example:
        labels = fcrbench.segment(tifffile.imread("field.tif"))
        labels = fcrbench.segment(image, "runs/20260101-120000-sample-fcrnet-1a2b3c4d", device="cpu")
    """
    from fcrbench.inference.shared import shared_predictor

    pixels = _as_gray(image)
    if tile is not None and tile < 0:
        raise ValueError(f"tile: expected a number of pixels, or 0 for the whole image, found {tile}")
    labels: NDArray[np.int32] = shared_predictor(weights, device, tile)(pixels)
    return labels


def _as_gray(image: ArrayLike) -> NDArray:
    """Return the pixels as `read_image` returns those of a file."""
    pixels = to_numpy(image, "image")
    if pixels.dtype.kind not in "iufb":
        raise TypeError(f"image: expected integers or real numbers, found {pixels.dtype}")
    if pixels.ndim != 2:
        hint = "; choose one channel or plane, as image[0] or image[..., 0]" if pixels.ndim > 2 else ""
        raise ValueError(f"image: expected one gray image (H, W), found shape {pixels.shape}{hint}")
    if pixels.size == 0:
        raise ValueError(f"image: expected at least one pixel, found shape {pixels.shape}")
    if pixels.dtype.kind == "b":
        return pixels.astype(np.uint8)
    if pixels.dtype.kind == "f":
        bad = pixels.size - np.count_nonzero(np.isfinite(pixels))
        if bad:
            raise ValueError(f"image: expected finite values, found {bad} that are NaN or infinite")
    return pixels


@dataclass(frozen=True)
class FolderResult:
    """The scores of two folders of label images.

    Attributes:
        table: pandas DataFrame with one row for each image that could be scored. The columns are `image`,
            the name without suffix, then those of `metrics.Scores.to_dict()`.
        failures: the reason for each image that could not be scored, by name.
    """

    table: pd.DataFrame
    failures: dict[str, str]

    def summary(self) -> dict[str, Any]:
        """Return means and pooled values with 95 % intervals; see `metrics.summarize`."""
        from fcrbench.metrics import summarize

        return summarize(self.table)


def score_folders(
    truth: str | Path,
    pred: str | Path,
    output: str | Path | None = None,
    *,
    workers: int = 1,
    label_mask: Literal["truth", "pred", "both"] | None = None,
    strict: bool = False,
    progress: Progress = False,
) -> FolderResult:
    """Score predicted label images against true ones with the same names, as `fcrbench score` does.

    Args:
        truth, pred: two folders of label images, or two label images, also OME-Zarr.
        output: CSV file to write the table to. The images that failed are then listed beside it.
        workers: number of images that are scored at the same time, in threads.
        label_mask: "truth", "pred" or "both": these files are masks of 0 and one other value, whose
            4-connected components become the objects.
        strict: raise an error for the first image that cannot be scored. Otherwise the others are scored, the
            log says how many failed, and `failures` of the result lists them.
        progress: True shows a progress bar on standard error; a function is called with the number of images
            done and None.

    Warns with `fcrbench.errors.LabelWarning`, once, if files look like no label images.

    Raises:
        DataError: a folder is missing or empty, no truth has a prediction, or no image could be scored; with
            `strict`, an image could not be scored.
        UsageError: an argument is out of range.

    Example:
        scores = fcrbench.score_folders("truth/", "predictions/")
        scores.table[["image", "pq"]]
        scores.summary()["metrics"]["pq"]   # {"mean": .., "low": .., "high": .., "n": ..}
    """
    from fcrbench.errors import UsageError
    from fcrbench.jobs import score as job
    from fcrbench.metrics.progress import progress_reporter

    if workers < 1:
        raise UsageError(f"workers: expected 1 or more, found {workers}")
    if label_mask not in (None, "truth", "pred", "both"):
        raise UsageError(f'label_mask: expected "truth", "pred", "both" or None, found {label_mask!r}')
    target = None if output is None else Path(output)
    with progress_reporter(progress, None) as report:
        found = job.score_folders(
            Path(truth),
            Path(pred),
            target,
            workers,
            strict=strict,
            label_mask=label_mask,
            progress=report,
        )
    for message in found.warnings('label_mask="{}"'):
        warnings.warn(message, LabelWarning, stacklevel=2)
    try:
        found.failures.finish(found.images, "scored")
    except DataError as error:
        if not len(found.scores.table):
            raise
        log.warning("%s", error)
    return FolderResult(found.scores.table, found.failures.reasons)
