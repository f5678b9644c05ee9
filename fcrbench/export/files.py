"""Converts label images on the disk to files for other programs: `fcrbench export`."""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from fcrbench.errors import FcrbenchError, UsageError
from fcrbench.export.coco import Masks, annotate, check_masks, join_annotations
from fcrbench.export.geojson import feature_collection
from fcrbench.export.inputs import AREA, ExportInputs, collect_labels
from fcrbench.export.table import measure
from fcrbench.io.choice import ANY, Choice
from fcrbench.io.names import file_name_of
from fcrbench.io.pairing import LABELS_WITH_IMAGE, pair_files
from fcrbench.io.roles import images_in
from fcrbench.io.units import square_pixels
from fcrbench.work.atomic import atomic_path, write_text
from fcrbench.work.csv_file import append_csv
from fcrbench.work.failures import Failure, Failures, attempt
from fcrbench.work.outputs import check_output_file, check_output_folder, check_outputs, prepare_output

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

log = logging.getLogger(__name__)
T = TypeVar("T")
Format = Literal["geojson", "coco", "table"]


def export_files(
    sources: Sequence[Path],
    to: Format,
    output: Path,
    images: Path | None = None,
    masks: Masks = "rle",
    progress: Callable[[str, int], None] = lambda name, objects: None,
    begin: Callable[[int], None] = lambda images: None,
    finished: Callable[[int], None] = lambda images: None,
    *,
    strict: bool = False,
    label_mask: bool = False,
    choice: Choice = ANY,
    pixel_size: float | None = None,
) -> int:
    """Export label images and return how many were exported.

    sources  label images and folders of them, also in folders below; overlays of `predict` are skipped
    output   for "geojson" a folder, in which each image gets <name>.geojson; for "coco" a .json file; for
             "table" a .csv or .parquet file
    images   folder of images with the same names, or with the suffixes of well-known programs, see
             `io.pairing`; with it, tables and GeoJSON include intensities
    progress called with the name of an image and its number of objects
    begin    called once with the number of images
    finished called with the number of images that are done or failed
    strict   raise an error for the first image that cannot be exported, and write no file for several images.
             Otherwise the others are finished, and the failed images are listed in the DataError raised at
             the end and in failed.csv in the folder, or in <output>.failed.csv beside the file, see
             `work.failures`
    choice   the channel and plane of `images` with several
    pixel_size side of a pixel in micrometres, for areas in tables and GeoJSON; by default that of each label
             image, or of its image
    label_mask the files are masks with one value besides 0; their 4-connected components become the objects

    Raises DataError if there is no label image, if none has an image, or if two have the same name. Raises
    UsageError if the output does not fit the format.
    """
    check_output(to, output)
    if choice != ANY and images is None:
        raise UsageError("--channel and --plane choose from the files of --images, which is not given")
    if pixel_size is not None and to == "coco":
        raise UsageError("--pixel-size: a COCO file has no lengths; expected --to table or geojson")
    if to != "geojson":
        check_output_file(output)
    check_masks(masks)
    labels = collect_labels(sources)
    partners = None
    if images is not None:
        where = ", ".join(map(str, sources))
        partners = pair_files(labels, images_in(images), LABELS_WITH_IMAGE, where)
    job = ExportInputs(labels, partners, images, label_mask, choice, square_pixels(pixel_size))
    by_folder = to == "geojson"
    failed = output / "failed.csv" if by_folder else output.with_name(f"{output.stem}.failed.csv")
    outputs = [output / f"{stem}.geojson" for stem in job.labels] if by_folder else [output]
    check_outputs(
        [*outputs, failed, failed.with_suffix(".log")], [*job.labels.values(), *(job.images or {}).values()]
    )
    if by_folder:
        check_output_folder(output)
    failures = Failures(None if not by_folder and prepare_output(output) else failed)

    def process_each(work: Callable[[str], T], count: Callable[[T], int]) -> Iterator[T]:
        begin(len(job.labels))
        for n, (stem, path) in enumerate(job.labels.items(), 1):
            finished(n - 1)
            result = attempt(partial(work, stem), str(path), *job.names_in_errors(stem))
            if isinstance(result, Failure):
                failures.add(stem, result, strict)
                continue
            failures.passed()
            progress(file_name_of(stem, path), count(result))
            yield result
        if len(failures.found) == len(job.labels) and not by_folder:
            failures.finish(len(job.labels), "exported")  # raises, so that no empty file is written

    if by_folder:
        for _ in process_each(lambda stem: _write_geojson(job, stem, output), int):
            pass
    elif to == "coco":
        found = process_each(
            lambda stem: annotate(job.image_name(stem), job.read_labels(stem)[0], masks),
            lambda of: len(of[1]),
        )
        _write_compact(output, join_annotations(found))
    elif output.suffix.lower() == ".csv":
        _write_csv(output, process_each(job.table, len))
    else:
        _write_parquet(output, job, lambda rows: process_each(rows, len))
    if job.areas.left_out:
        log.warning(
            "%d images have a pixel size, but the first one has none: no areas in square micrometres; "
            "give --pixel-size",
            job.areas.left_out,
        )
    for message in job.findings.messages({"mask": "--label-mask labels its components"}):
        log.warning("%s", message)
    failures.finish(len(job.labels), "exported")
    return len(job.labels)  # all of them, as there are no failures


def _write_geojson(job: ExportInputs, stem: str, folder: Path) -> int:
    labels, image, size = job.read(stem)
    known = image is not None or size is not None
    measurements = _measurements(measure(labels, image, size)) if known else None
    document = feature_collection(labels, stem, measurements)
    _write_compact(folder / f"{stem}.geojson", document)
    return len(document["features"])


def check_output(to: Format, output: Path) -> None:
    """Raise UsageError if the name of the output does not fit the format."""
    suffixes = {"coco": (".json",), "table": (".csv", ".parquet")}.get(to)
    if suffixes is not None and output.suffix.lower() not in suffixes:
        raise UsageError(f"--to {to} writes one file ending in {' or '.join(suffixes)}, found {output}")
    if to == "geojson" and output.exists() and not output.is_dir():
        raise UsageError(f"--to geojson writes one file per image into a folder, found the file {output}")
    if output.suffix.lower() == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ModuleNotFoundError as error:
            raise FcrbenchError('Parquet needs pyarrow: pip install "fcrbench[parquet]"') from error


def _measurements(table: "pd.DataFrame") -> dict[int, dict[str, float]]:
    shown = [name for name in table if name in ("area", AREA) or str(name).startswith("intensity")]
    rows = table[shown].to_dict("records")
    return {
        label: {str(name): float(value) for name, value in row.items()}
        for label, row in zip(table["label"].tolist(), rows, strict=True)
    }


def _write_csv(output: Path, tables: Iterator["pd.DataFrame"]) -> None:
    """Write the tables one after the other, so that only one is in memory."""
    with atomic_path(output) as temporary:
        for i, table in enumerate(tables):
            append_csv(temporary, table, header=i == 0)


def _write_parquet(
    output: Path, job: ExportInputs, process_each: "Callable[[Callable[[str], pa.Table]], Iterator[pa.Table]]"
) -> None:
    """Like `_write_csv`. The first table determines the types of the columns; a table that differs fails."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None

    def rows(stem: str) -> "pa.Table":
        table = pa.Table.from_pandas(job.table(stem).astype({"image": str}), preserve_index=False)
        return table if writer is None else table.cast(writer.schema)

    with atomic_path(output) as temporary:
        try:
            for table in process_each(rows):
                if writer is None:
                    writer = pq.ParquetWriter(temporary, table.schema)
                writer.write_table(table)
        finally:
            if writer is not None:
                writer.close()


def _write_compact(path: Path, document: dict[str, Any]) -> None:
    write_text(path, json.dumps(document, separators=(",", ":"), allow_nan=False) + "\n")
