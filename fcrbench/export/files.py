"""Converts label images on the disk to files for other programs: `fcrbench export`."""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from fcrbench.errors import DataError, FcrbenchError, UsageError
from fcrbench.export.coco import Masks, annotate, check_masks, join_annotations
from fcrbench.export.geojson import feature_collection
from fcrbench.export.table import measure
from fcrbench.io import read_image, read_labels
from fcrbench.io.large import open_image
from fcrbench.io.names import file_name_of, image_name
from fcrbench.io.pairing import LABELS_WITH_IMAGE, pair_files
from fcrbench.io.roles import images_in, labels_in
from fcrbench.io.zarr_folder import is_zarr
from fcrbench.label_checks import Findings, components_of_mask, looks_like
from fcrbench.labels import as_labels
from fcrbench.text import to_unicode
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
    label_mask the files are masks with one value besides 0; their 4-connected components become the objects

    Raises DataError if there is no label image, if none has an image, or if two have the same name. Raises
    UsageError if the output does not fit the format.
    """
    check_output(to, output)
    if to != "geojson":
        check_output_file(output)
    check_masks(masks)
    labels = collect_labels(sources)
    partners = None
    if images is not None:
        where = ", ".join(map(str, sources))
        partners = pair_files(labels, images_in(images), LABELS_WITH_IMAGE, where)
    job = _Job(labels, partners, images, label_mask)
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
            lambda stem: annotate(job.image_name(stem), job.read_labels(stem), masks), lambda of: len(of[1])
        )
        _write_compact(output, join_annotations(found))
    elif output.suffix.lower() == ".csv":
        _write_csv(output, process_each(job.table, len))
    else:
        _write_parquet(output, job, lambda rows: process_each(rows, len))
    for message in job.findings.messages({"mask": "--label-mask labels its components"}):
        log.warning("%s", message)
    failures.finish(len(job.labels), "exported")
    return len(job.labels)  # all of them, as there are no failures


@dataclass(frozen=True)
class _Job:
    """Label images by name, and the images by the same names with their folder, if any."""

    labels: dict[str, Path]
    images: dict[str, Path] | None
    folder: Path | None
    label_mask: bool
    findings: Findings = field(default_factory=Findings)

    def names_in_errors(self, stem: str) -> list[str]:
        """Return texts that identify the image in an error message, besides the path of its label image."""
        of_image = [] if self.images is None or stem not in self.images else [str(self.images[stem])]
        return [*of_image, f"{self.folder} has no image"]

    def image_name(self, stem: str) -> str:
        path = self.labels[stem] if self.images is None else self._image(stem)
        return to_unicode(file_name_of(stem, path))

    def read_labels(self, stem: str) -> np.ndarray:
        path = self.labels[stem]
        labels = as_labels(open_image(path)[:, :], str(path)) if is_zarr(path) else read_labels(path)
        if self.label_mask:
            return components_of_mask(labels, str(path))
        self.findings.add(path.name, {"label image": looks_like(labels)})
        return labels

    def read(self, stem: str) -> tuple[np.ndarray, np.ndarray | None]:
        labels = self.read_labels(stem)
        if self.images is None:
            return labels, None
        path = self._image(stem)
        image = read_image(path)
        if image.shape != labels.shape:
            raise DataError(
                f"{path} has shape {image.shape}, its labels {self.labels[stem]} have {labels.shape}"
            )
        return labels, image

    def table(self, stem: str) -> "pd.DataFrame":
        table = measure(*self.read(stem))
        table.insert(0, "image", to_unicode(stem))
        return table

    def _image(self, stem: str) -> Path:
        if self.images is None or stem not in self.images:
            raise DataError(f"{self.folder} has no image for {self.labels[stem].name}")
        return self.images[stem]


def _write_geojson(job: _Job, stem: str, folder: Path) -> int:
    labels, image = job.read(stem)
    measurements = None if image is None else _measurements(measure(labels, image))
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


def collect_labels(sources: Sequence[Path]) -> dict[str, Path]:
    """Return label images by name. `sources` are label images, or folders that are searched for them.

    Raises DataError if there are none, or if two have the same name.
    """
    labels: dict[str, Path] = {}
    for source in sources:
        folder = source.is_dir() and not is_zarr(source)
        found = labels_in(source).by_name() if folder else {image_name(source): source}
        for name, path in found.items():
            if name in labels:
                raise DataError(f"{path} and {labels[name]} have the same name {name}")
            labels[name] = path
    if not labels:
        raise DataError(f"no label image in {', '.join(map(str, sources))}")
    return labels


def _measurements(table: "pd.DataFrame") -> dict[int, dict[str, float]]:
    shown = [name for name in table if name == "area" or str(name).startswith("intensity")]
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
    output: Path, job: _Job, process_each: "Callable[[Callable[[str], pa.Table]], Iterator[pa.Table]]"
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
