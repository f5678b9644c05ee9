"""Images in, label images and overlays out."""

import os
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

from fcrbench.errors import DataError, UsageError
from fcrbench.inference import Predictor, load_predictor
from fcrbench.io import IMAGE_SUFFIXES, find_images, read_image, write_labels, write_png
from fcrbench.io.large import is_large
from fcrbench.report import overlay
from fcrbench.weights import absolute, read_header, resolve
from fcrbench.work.atomic import remove_abandoned
from fcrbench.work.failures import Failure, Failures, attempt
from fcrbench.work.parallel import ordered_map

_loading_lock = threading.Lock()


def collect_images(sources: Sequence[Path]) -> dict[str, Path]:
    """Image files and Zarr folders by stem, from these and from folders of files.

    Raises DataError on none, one that does not exist, or a stem that comes twice.
    """
    images: dict[str, Path] = {}
    for source in sources:
        if not source.exists():
            raise DataError(f"{source}: no such file or folder")
        folder = source.is_dir() and not is_large(source)
        found = find_images(source) if folder else {source.stem: source}
        for stem, path in found.items():
            if stem in images:
                raise DataError(f"{path} and {images[stem]} would share the output name {stem}.tif")
            images[stem] = path
    if not images:
        folders = ", ".join(str(source) for source in sources)
        raise DataError(
            f"no image in {folders}; expected files ending in {', '.join(sorted(IMAGE_SUFFIXES))}, or .zarr"
        )
    return images


class Job(NamedTuple):
    """What is done to every image."""

    weights: str
    device: str
    tile: int | None
    output: Path
    overwrite: bool

    def target(self, stem: str, path: Path) -> Path:
        """The label image of an image; it is there when the image is done."""
        return self.output / f"{stem}{'.zarr' if path.suffix.lower() == '.zarr' else '.tif'}"


def predict_images(
    sources: Sequence[Path],
    weights: str | os.PathLike[str],
    output: Path,
    *,
    device: str = "auto",
    tile: int | None = None,
    overwrite: bool = False,
    workers: int = 1,
    scheduler: str | None = None,
    strict: bool = False,
    resume: bool = False,
    progress: Callable[[str, int], None] = lambda name, objects: None,
) -> int:
    """Segment images into `output`/<stem>.tif (labels) and <stem>_overlay.png (outlines); returns how many.

    A Zarr image, and a TIFF of more than 2**28 pixels, is worked on by tiles, and becomes <stem>.zarr or a
    tiled <stem>.tif, without an overlay.

    workers    images worked on at a time, by threads
    scheduler  the address of a dask scheduler whose workers do the work instead; they must see the same files
    strict     raise for the first image that cannot be read, segmented or written; else the others are
               finished, and those are listed in the DataError raised at the end, and in `output`/failed.csv;
               see `failures`
    resume     leave out images whose labels are there; else they are replaced only with `overwrite`
    progress   called with the name and the number of instances of each image done, in order
    """
    images = collect_images(sources)
    job = Job(str(weights), device, tile, output, overwrite)
    if scheduler is not None:  # its workers are in other folders
        job = job._replace(weights=absolute(job.weights), output=output.resolve())
        images = {stem: path.resolve() for stem, path in images.items()}
    todo = {stem: path for stem, path in images.items() if not _exists(job.target(stem, path))}
    if overwrite and not resume:
        todo = images
    elif not resume and len(todo) < len(images):
        stem = next(stem for stem in images if stem not in todo)
        raise UsageError(
            f"{output / job.target(stem, images[stem]).name} exists; pass --overwrite to replace it, "
            "or --resume to segment the other images"
        )
    if tile is not None and tile < 0:
        raise UsageError(f"--tile {tile}: expected a number of pixels, or 0 for the whole image")
    if scheduler is None:
        _predictor(job.weights, device, tile)  # what is wrong with the weights is told before all else
    else:
        read_header(resolve(weights))
    remove_abandoned(output)
    failures = Failures(output / "failed.csv")
    results = ordered_map(
        partial(segment_image, job),
        todo.items(),
        workers,
        scheduler,
        lambda given: given[0],
        on_lost=_failure_of_lost,
    )
    for stem, result in zip(todo, results, strict=True):
        if isinstance(result, Failure):
            failures.add(stem, result, strict)
        else:
            progress(images[stem].name, result)
    failures.finish(len(images), "segmented")
    return len(images)


def segment_image(job: Job, given: tuple[str, Path]) -> int | Failure:
    """Segment one image: the number of instances, or why there are none. A task for any worker."""
    stem, path = given
    predictor = _predictor(job.weights, job.device, job.tile)
    return attempt(lambda: _segment_file(predictor, job, stem, path), str(path))


def _segment_file(predictor: Predictor, job: Job, stem: str, path: Path) -> int:
    target = job.target(stem, path)
    if is_large(path):
        from fcrbench.inference.large import predict_large

        return predict_large(predictor, path, target, overwrite=job.overwrite)
    image = read_image(path)
    labels = predictor(image)
    picture = job.output / f"{stem}_overlay.png"
    write_png(picture, overlay(image, labels))
    try:
        write_labels(target, labels)  # last: that it is there says that the image is done
    except BaseException:
        picture.unlink(missing_ok=True)
        raise
    return int(labels.max(initial=0))


def _failure_of_lost(given: tuple[str, Path], why: str) -> Failure:
    return Failure(f"{given[1]}: {why}")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # such as for a name that is too long, of which the writer tells
        return False


def _predictor(weights: str, device: str, tile: int | None) -> Predictor:
    """One for all threads of a process; a dask worker keeps it from task to task."""
    with _loading_lock:
        return _load(weights, device, tile)


@lru_cache(maxsize=1)
def _load(weights: str, device: str, tile: int | None) -> Predictor:
    return load_predictor(weights, device, tile=tile)
