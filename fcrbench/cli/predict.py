"""`fcrbench predict`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


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
) -> None:
    """Segment images: for each a label TIFF and an overlay PNG with the outlines.

    Example: fcrbench predict fields/ -o out/
    Example: fcrbench predict fields/ --weights runs/20260101-120000-sample-fcrnet-1a2b3c4d -o out/
    Example: fcrbench predict slide.zarr -o out/
    Example: fcrbench predict fields/ -o out/ --scheduler tcp://10.0.0.1:8786

    Images that cannot be read, segmented or written are listed with the reasons when the others are done, and
    the exit code is 1.

    Parameters
    ----------
    images
        PNG or TIFF files, or folders of them; gray, 8 or 16 bit, any size. OME-Zarr images, and TIFF files of
        more than 2**28 pixels, need not fit into memory; they become NAME.zarr or a
        tiled NAME.tif, without an overlay.
    weights
        default, the ones that come with fcrbench; a run directory; or a .safetensors file of one.
    output
        Folder for NAME.tif (labels, 0 = background) and NAME_overlay.png.
    device
        auto, cpu, cuda or cuda:N.
    tile
        Side in pixels of the tiles in which the network sees an image, to save memory: 768 for images of
        more than 2048 x 2048 pixels unless said, 0 for the whole image. The labels are the same, up to the
        rounding of the network.
    overwrite
        Replace label images that exist.
    workers
        Images worked on at a time, by threads.
    scheduler
        Address of a dask scheduler whose workers segment; they must see the same files.
    strict
        Stop at the first image that cannot be done.
    resume
        Leave out images whose labels are there already.
    """
    from fcrbench.errors import UsageError

    if workers < 1:
        raise UsageError(f"--workers: expected 1 or more, found {workers}")
    from fcrbench.jobs.predict import predict_images

    def report(name: str, objects: int) -> None:
        print(f"{name}: {objects} instances", flush=True)

    count = predict_images(
        images,
        weights,
        output,
        device=device,
        tile=tile,
        overwrite=overwrite,
        workers=workers,
        scheduler=scheduler,
        strict=strict,
        resume=resume,
        progress=report,
    )
    print(f"{count} images segmented into {output}")
