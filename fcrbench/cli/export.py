"""`fcrbench export`."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from fcrbench.cli.common import REPORTING, ImageReport, Reporting, say
from fcrbench.cli.planes import PLANES, Planes


def export(
    labels: Annotated[tuple[Path, ...], Parameter(required=True, negative=())],
    *,
    to: Literal["geojson", "coco", "table"],
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    images: Path | None = None,
    masks: Literal["rle", "polygons"] = "rle",
    strict: bool = False,
    label_mask: bool = False,
    pixel_size: float | None = None,
    planes: Planes = PLANES,
    reporting: Reporting = REPORTING,
) -> None:
    """Convert label images to GeoJSON for QuPath, COCO annotations or a table of measurements.

    Example: fcrbench export out/ --to geojson -o geojson/
    Example: fcrbench export out/ --to coco -o instances.json
    Example: fcrbench export out/ --to table --images fields/ -o cells.parquet

    Images that cannot be exported do not stop the others.
    They are listed with the reasons at the end, and the exit code is 3 (1 if all failed).

    Polygons follow the edges of the pixels and include holes, so filling them gives the labels back.

    Parameters
    ----------
    labels
        Label images (PNG, TIFF, OME-Zarr, ..; 0 = background) or folders of them. Folders below are
        searched, too.
    to
        geojson writes one file per image, coco writes one .json file.
        table writes one .csv or .parquet file with a row per object.
    output
        Folder for geojson, file for coco and table.
    images
        Folder with images of the same names as the label images.
        Tables and GeoJSON then include the mean, minimum and maximum intensity of each object.
    masks
        Format of the masks in a COCO file: rle or polygons.
        Objects with holes are always written as rle, because COCO polygons cannot have holes.
    strict
        Stop at the first image that cannot be exported.
    label_mask
        The files are masks of 0 and one other value. Their components become the objects.
        Pixels that touch at a corner only are not connected.
    pixel_size
        Side of a pixel in micrometres: tables and GeoJSON then have the area of each object as area_um2.
        The default is that of the label image, or of its image.
    """
    from fcrbench.export.files import export_files
    from fcrbench.io.choice import Choice

    objects = 0

    def count(name: str, found: int) -> None:
        nonlocal objects
        objects += found

    with ImageReport("exported") as report:
        n = export_files(
            labels,
            to,
            output,
            images,
            masks,
            count,
            report.begin,
            report.update,
            strict=strict,
            label_mask=label_mask,
            choice=Choice(planes.channel, planes.plane),
            pixel_size=pixel_size,
        )
    say(f"{objects} objects of {n} images in {output}")
