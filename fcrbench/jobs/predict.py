"""Segments image files into label images and overlays: `fcrbench predict`."""

import errno
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fcrbench.errors import DataError, FcrbenchError, StoppedError, UsageError, WriteError
from fcrbench.inference import Predictor
from fcrbench.inference.shared import shared_predictor
from fcrbench.io import write_labels, write_png
from fcrbench.io.choice import ANY, Choice, complete
from fcrbench.io.images import image_of
from fcrbench.io.large import decode_image, is_large
from fcrbench.io.names import file_name_of, split_name
from fcrbench.io.units import square_pixels
from fcrbench.io.zarr_folder import is_zarr
from fcrbench.jobs.predict_sources import collect_images
from fcrbench.methods.fill_values import describe_fill, replace_fill
from fcrbench.report import overlay
from fcrbench.weights import absolute, read_header, resolve
from fcrbench.work.atomic import check_folder, remove_abandoned
from fcrbench.work.failures import Failure, Failures, attempt
from fcrbench.work.outputs import check_output_folder, check_outputs
from fcrbench.work.parallel import ordered_map

log = logging.getLogger(__name__)


class Job(NamedTuple):
    """The settings of a prediction, which are the same for every image."""

    weights: str
    device: str
    tile: int | None
    output: Path
    overwrite: bool
    overlays: bool
    choice: Choice
    pixel_size: tuple[float, float] | None

    def target(self, name: str, path: Path) -> Path:
        """Return the path of the label image of an image. The file exists once the image is done."""
        _, suffix = split_name(path.name)
        ome = ".ome" if suffix.lower().startswith(".ome.") else ""
        return self.output / f"{name}{ome}{'.zarr' if is_zarr(path) else '.tif'}"

    def picture(self, stem: str) -> Path:
        """Return the path of the picture with outlines of an image."""
        return self.output / f"{stem}_overlay.png"


class Segmented(NamedTuple):
    """What `predict_images` did: images segmented now, and images that had labels already."""

    done: int
    earlier: int


class Outcome(NamedTuple):
    """The number of instances of one image, and sentences about it for the user."""

    objects: int
    notes: tuple[str, ...] = ()


def predict_images(
    sources: Sequence[Path],
    weights: str | os.PathLike[str],
    output: Path,
    *,
    device: str = "auto",
    tile: int | None = None,
    choice: Choice = ANY,
    pixel_size: float | None = None,
    overwrite: bool = False,
    overlays: bool = True,
    workers: int = 1,
    scheduler: str | None = None,
    strict: bool = False,
    resume: bool = False,
    begin: Callable[[int, int], None] = lambda images, earlier: None,
    progress: Callable[[str, int], None] = lambda name, objects: None,
    finished: Callable[[int], None] = lambda images: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Segmented:
    """Segment images and return their number.

    Labels are written to `output`/<name>.tif, and outlines to <name>_overlay.png if `overlays` is set. The
    name of an image in a folder below a source has the path of the folder before it.

    A Zarr image, or a TIFF of more than 2**28 pixels, is processed in tiles. Its labels are written to
    <name>.zarr or a tiled <name>.tif, without an overlay.

    choice     the channel and plane of images with several; what it leaves open is that of the weights
    pixel_size side of a pixel in micrometres, for the label images; by default that of the image file
    workers    number of images that are processed at the same time, in threads
    scheduler  address of a dask scheduler whose workers do the work instead; they must see the same files
    strict     raise an error for the first image that cannot be read, segmented or written. Otherwise the
               others are finished, and the failed images are listed in the error raised at the end and in
               `output`/failed.csv, see `work.failures`
    resume     skip images that already have labels; without it, labels are replaced only with `overwrite`
    begin      called once with the number of images, and how many of them have labels already
    progress   called with the name and the number of instances of each segmented image, in order
    finished   called with the number of images that are done or failed, counting earlier ones
    stopped    asked before each image; the others are left for `resume` once it returns True

    Raises UsageError if an output is one of the images, whatever the options, and StoppedError if it was
    stopped before the last image.
    """
    size = square_pixels(pixel_size)
    choice = complete(choice, read_header(resolve(weights)).choice)
    images = collect_images(sources)
    job = Job(str(weights), device, tile, output, overwrite, overlays, choice, size)
    check_output_folder(output)
    check_outputs(_outputs(job, images), images.values())
    if scheduler is not None:  # its workers have other working directories
        job = job._replace(weights=absolute(job.weights), output=output.resolve())
        images = {stem: path.absolute() for stem, path in images.items()}
    todo = {stem: path for stem, path in images.items() if not _exists(job.target(stem, path))}
    if overwrite and not resume:
        todo = images
    elif not resume and len(todo) < len(images):
        stem = next(stem for stem in images if stem not in todo)
        raise UsageError(
            f"{job.target(stem, images[stem])} exists; pass --overwrite to replace it, "
            "or --resume to segment the other images"
        )
    if tile is not None and tile < 0:
        raise UsageError(f"--tile {tile}: expected a number of pixels, or 0 for the whole image")
    if scheduler is None:
        shared_predictor(job.weights, device, tile)  # report bad weights before anything else
    check_folder(output)
    remove_abandoned(output)
    failures = Failures(output / "failed.csv")
    earlier = len(images) - len(todo)
    begin(len(images), earlier)
    results = ordered_map(
        partial(segment_image, job),
        takewhile(lambda given: not stopped(), todo.items()),
        workers,
        scheduler,
        lambda given: given[0],
        on_lost=_failure_of_lost,
    )
    n = 0
    try:
        for stem, result in zip(todo, results, strict=False):
            n += 1
            if isinstance(result, Failure):
                failures.add(stem, result, strict)
            else:
                failures.passed()
                for note in result.notes:
                    log.warning("%s", note)
                progress(file_name_of(stem, images[stem]), result.objects)
            finished(earlier + n)
    except KeyboardInterrupt:
        if not stopped():
            raise
    except (DataError, UsageError):  # the first image that failed, with `strict`
        raise
    except FcrbenchError as error:  # the disk is full for all, or the scheduler is lost
        with suppress(FcrbenchError):
            failures.save()
        done = earlier + n - len(failures.found)
        if not n:
            raise
        raise FcrbenchError(
            f"{error}; {done:,} of {len(images):,} images are segmented; continue with --resume"
        ) from error
    done = n - len(failures.found)
    if n < len(todo):
        failures.save()
        failed = f", {len(failures.found)} failed" if failures.found else ""
        raise StoppedError(
            f"stopped: {earlier + done:,} of {len(images):,} images segmented into {output}{failed}; "
            "continue with --resume"
        )
    failures.finish(len(images), "segmented")
    return Segmented(done, earlier)


def _outputs(job: Job, images: Mapping[str, Path]) -> Iterator[Path]:
    yield from (job.output / "failed.csv", job.output / "failed.log")
    for stem, path in images.items():
        yield job.target(stem, path)
        if job.overlays:
            yield job.picture(stem)


def segment_image(job: Job, given: tuple[str, Path]) -> Outcome | Failure:
    """Segment one image, on any worker. Return the number of instances, or the reason why it failed."""
    stem, path = given
    predictor = shared_predictor(job.weights, job.device, job.tile)
    return attempt(lambda: _segment_file(predictor, job, stem, path), str(path))


def _segment_file(predictor: Predictor, job: Job, stem: str, path: Path) -> Outcome:
    target = job.target(stem, path)
    if is_large(path):
        from fcrbench.inference.large import predict_large

        objects = predict_large(
            predictor, path, target, job.choice, pixel_size=job.pixel_size, overwrite=job.overwrite
        )
        return Outcome(objects)
    stack = decode_image(path)
    image = image_of(stack, job.choice, path)
    notes = [f"{path}: {note}" for note in describe_fill(image)]
    image = replace_fill(image)
    labels = predictor(image)
    picture = job.picture(stem)
    try:
        if job.overlays and not _write_overlay(picture, image, labels):
            notes.append(f"{path}: no overlay, because the name {picture.name} is too long for the disk")
        # The labels are written last, because their existence marks the image as done.
        size = job.pixel_size or stack.pixel_size
        write_labels(target, labels, pixel_size=size, orientation=stack.orientation)
    except BaseException:
        with suppress(OSError):
            picture.unlink()
        raise
    return Outcome(int(labels.max(initial=0)), tuple(notes))


def _write_overlay(path: Path, image: np.ndarray, labels: np.ndarray) -> bool:
    """Write the outlines. Return False if the name is too long, which must not cost the labels."""
    try:
        write_png(path, overlay(image, labels))
    except WriteError as error:
        if error.error.errno != errno.ENAMETOOLONG:
            raise
        return False
    return True


def _failure_of_lost(given: tuple[str, Path], why: str) -> Failure:
    return Failure(f"{given[1]}: {why}")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # for example, the name is too long; the writer reports this
        return False
