"""Images in, label images and overlays out."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from fcrbench.errors import DataError, FcrbenchError, UsageError
from fcrbench.inference import load_predictor
from fcrbench.io import IMAGE_SUFFIXES, find_images, read_image, write_labels, write_png
from fcrbench.report import overlay


def collect_images(sources: Sequence[Path]) -> dict[str, Path]:
    """Image files by stem, from files and folders. Raises DataError on none, or a stem that comes twice."""
    images: dict[str, Path] = {}
    for source in sources:
        found = find_images(source) if source.is_dir() else {source.stem: source}
        for stem, path in found.items():
            if stem in images:
                raise DataError(f"{path} and {images[stem]} would share the output name {stem}.tif")
            images[stem] = path
    if not images:
        folders = ", ".join(str(source) for source in sources)
        raise DataError(
            f"no image in {folders}; expected files ending in {', '.join(sorted(IMAGE_SUFFIXES))}"
        )
    return images


def predict_images(
    sources: Sequence[Path],
    weights: str | os.PathLike[str],
    output: Path,
    *,
    device: str = "auto",
    tile: int | None = None,
    overwrite: bool = False,
    progress: Callable[[str, int], None] = lambda name, objects: None,
) -> int:
    """Segment images into `output`/<stem>.tif (labels) and <stem>_overlay.png (outlines); returns how many.

    An image that cannot be read does not stop the others; it is named in the DataError raised at the end.
    Existing label images are replaced only with `overwrite`.
    """
    images = collect_images(sources)
    if not overwrite:
        for stem in images:
            if (output / f"{stem}.tif").exists():
                raise UsageError(f"{output / f'{stem}.tif'} exists; pass --overwrite to replace it")
    if tile is not None and tile < 0:
        raise UsageError(f"--tile {tile}: expected a number of pixels, or 0 for the whole image")
    predictor = load_predictor(weights, device, tile=tile)
    failed: list[FcrbenchError] = []
    for stem, path in images.items():
        try:
            image = read_image(path)
        except DataError as error:
            failed.append(error)
            continue
        labels = predictor(image)
        write_labels(output / f"{stem}.tif", labels)
        write_png(output / f"{stem}_overlay.png", overlay(image, labels))
        progress(path.name, int(labels.max(initial=0)))
    if failed:
        raise DataError(
            f"{len(failed)} of {len(images)} images could not be read: " + "; ".join(map(str, failed))
        )
    return len(images)
