"""`fcrbench export`."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter


def export(
    labels: Annotated[tuple[Path, ...], Parameter(required=True, negative=())],
    *,
    to: Literal["geojson", "coco", "table"],
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    images: Path | None = None,
    masks: Literal["rle", "polygons"] = "rle",
    strict: bool = False,
) -> None:
    """Turn label images into GeoJSON for QuPath, COCO annotations, or a table of measurements.

    Example: fcrbench export out/ --to geojson -o geojson/
    Example: fcrbench export out/ --to coco -o instances.json
    Example: fcrbench export out/ --to table --images fields/ -o cells.parquet

    Images that cannot be exported are listed with the reasons when the others are done, and the exit code
    is 1.

    Polygons follow the edges of the pixels, holes included: filled in, they are the labels again.

    Parameters
    ----------
    labels
        Label images, PNG or TIFF, 0 = background, or folders of them.
    to
        geojson: a file an image; coco: one .json file; table: one .csv or .parquet file, a row an object.
    output
        Folder for geojson, file for the others.
    images
        Folder of the images of the same names: tables and GeoJSON then hold mean, lowest and highest
        intensity.
    masks
        Of coco: rle, or polygons where an object has no hole.
    strict
        Stop at the first image that cannot be exported.
    """
    from fcrbench.export.files import export_files

    objects = 0

    def count(name: str, found: int) -> None:
        nonlocal objects
        objects += found

    n = export_files(labels, to, output, images, masks, count, strict=strict)
    print(f"{objects} objects of {n} images in {output}")
