"""Finds the images of `fcrbench predict`."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fcrbench.errors import DataError
from fcrbench.io import IMAGE_SUFFIXES
from fcrbench.io.large import is_large
from fcrbench.io.names import split_name
from fcrbench.io.roles import images_in
from fcrbench.io.zarr_folder import images_inside


def collect_images(sources: Sequence[Path]) -> dict[str, Path]:
    """Return image files and Zarr folders by name. `sources` are such files, or folders that contain them.

    Folders are searched with those below them, and the names are then paths such as "well_B02/f". Label
    images and other results that lie beside their images are left out, see `io.roles`. The fields of a plate
    or well in OME-Zarr are images, such as "plate/A/1/0".

    Raises DataError if there is no image, a source does not exist, or two images have the same name.
    """
    images: dict[str, Path] = {}
    for source in sources:
        if not source.exists():
            raise DataError(f"{source}: no such file or folder")
        if source.is_dir() and not is_large(source):
            found = images_in(source).by_name()
        else:
            found = {split_name(source.name, is_folder=source.is_dir())[0]: source}
        for name, path in _with_images_inside(found):
            if name in images:
                raise DataError(
                    f"{path} and {images[name]} would have the same output name {name}.tif; "
                    "a folder that holds both keeps them apart"
                )
            images[name] = path
    if not images:
        folders = ", ".join(str(source) for source in sources)
        raise DataError(
            f"no image in {folders}; expected files ending in {', '.join(sorted(IMAGE_SUFFIXES))}, or .zarr"
        )
    return images


def _with_images_inside(found: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """Yield the images, and instead of a plate or well in Zarr its fields, as "plate/A/1/0"."""
    for name, path in found.items():
        for inner in images_inside(path) if path.is_dir() else [""]:
            yield (f"{name}/{inner}", path / inner) if inner else (name, path)
