"""`fcrbench predict`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fcrbench.cli.common import REPORTING, ImageReport, Reporting, say, there_already
from fcrbench.cli.planes import PLANES, Planes


def predict(
    images: Annotated[tuple[Path, ...], Parameter(required=True, negative=())],
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    weights: str = "default",
    device: str = "auto",
    tile: int | None = None,
    overwrite: bool = False,
    workers: int = 1,
    scheduler: str | None = None,
    strict: bool = False,
    resume: bool = False,
    no_overlay: bool = False,
    pixel_size: float | None = None,
    planes: Planes = PLANES,
    reporting: Reporting = REPORTING,
) -> None:
    """Segment images. Write a label TIFF and a PNG with outlines for each.

    Example: fcrbench predict fields/ -o out/
    Example: fcrbench predict fields/ --weights runs/20260101-120000-sample-fcrnet-1a2b3c4d -o out/
    Example: fcrbench predict stacks/ --channel DAPI --plane max -o out/
    Example: fcrbench predict slide.zarr -o out/
    Example: fcrbench predict fields/ -o out/ --scheduler tcp://10.0.0.1:8786

    Images that cannot be read, segmented or written do not stop the others.
    They are listed with the reasons at the end and in failed.csv, and the exit code is 3 (1 if all failed).
    After Ctrl-C the current image is finished; --resume continues from there.

    Parameters
    ----------
    images
        PNG, TIFF, JPEG, JPEG 2000, BMP, WebP or OME-Zarr images, also plates, or folders of them: any
        size, 8 or 16 bit or real numbers, one channel or --channel, one plane or --plane.
        Folders below a folder are searched, too, and the output has the same folders.
        OME-Zarr images and TIFF files of more than 2**28 pixels need not fit into memory.
        Their labels are written to NAME.zarr or a tiled NAME.tif, without an overlay.
    weights
        "default" (they come with fcrbench), a run directory or a .safetensors file.
    output
        Folder for NAME.tif (labels, 0 = background) and NAME_overlay.png.
    device
        auto, cpu, cuda or cuda:N.
    tile
        Segment an image in tiles of this many pixels a side, to save memory. 0 takes the whole image.
        The default is 768 for images of more than 2048 x 2048 pixels, else 0.
        The labels do not depend on it, except for rounding in the network.
    overwrite
        Replace label images that already exist.
    workers
        Number of images that are processed at the same time, in threads.
    scheduler
        Address of a dask scheduler. Its workers do the work and must see the same files.
    strict
        Stop at the first image that fails.
    resume
        Skip images that already have a label image.
    no_overlay
        Write only the label images, which takes less time.
    pixel_size
        Side of a pixel in micrometres, written into the label images. The default is that of the image.
    """
    from fcrbench.errors import UsageError

    if workers < 1:
        raise UsageError(f"--workers: expected 1 or more, found {workers}")
    from fcrbench.io.choice import Choice
    from fcrbench.jobs.predict import predict_images
    from fcrbench.work.interrupt import stop_between_images

    with ImageReport("segmented", "instances") as report, stop_between_images() as stopped:
        found = predict_images(
            images,
            weights,
            output,
            device=device,
            tile=tile,
            choice=Choice(planes.channel, planes.plane),
            pixel_size=pixel_size,
            overwrite=overwrite,
            overlays=not no_overlay,
            workers=workers,
            scheduler=scheduler,
            strict=strict,
            resume=resume,
            begin=report.begin,
            progress=report.image,
            finished=report.update,
            stopped=stopped,
        )
    say(f"{found.done:,} images segmented into {output}{there_already(found.earlier)}")
