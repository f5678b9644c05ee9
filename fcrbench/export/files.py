"""Label images on the disk to files of other programs."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fcrbench.atomic import atomic_path, write_text
from fcrbench.errors import DataError, FcrbenchError, UsageError
from fcrbench.export.coco import Masks, coco
from fcrbench.export.geojson import feature_collection
from fcrbench.export.table import measure
from fcrbench.io import find_images, read_image, read_labels

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["geojson", "coco", "table"]
OVERLAY = "_overlay"  # what `fcrbench predict` puts beside NAME.tif


def export_files(
    sources: Sequence[Path],
    to: Format,
    output: Path,
    images: Path | None = None,
    masks: Masks = "rle",
    progress: Callable[[str, int], None] = lambda name, objects: None,
) -> int:
    """Export label images; returns how many.

    sources  label images, PNG or TIFF, and folders of them; overlays that `predict` left there are not read
    output   for "geojson" a folder, in which each image gets <stem>.geojson; for "coco" a .json file; for
             "table" a .csv or .parquet file
    images   folder of the images of the same stems: with it, tables and GeoJSON hold intensities
    progress called with the name of an image and its number of objects

    Raises DataError when a file cannot be read, an image is missing or of another shape, two label images
    share a stem; UsageError for an output that does not fit the format.
    """
    check_output(to, output)
    found = collect_labels(sources)
    intensities = find_images(images) if images is not None else None
    if intensities is not None and (missing := [stem for stem in found if stem not in intensities]):
        raise DataError(f"{images} has no image for {found[missing[0]].name}")

    def read(stem: str) -> tuple[np.ndarray, np.ndarray | None]:
        labels = read_labels(found[stem])
        if intensities is None:
            return labels, None
        image = read_image(intensities[stem])
        if image.shape != labels.shape:
            path = intensities[stem]
            raise DataError(f"{path} has shape {image.shape}, its labels {found[stem]} have {labels.shape}")
        return labels, image

    if to == "geojson":
        for stem in found:
            labels, image = read(stem)
            measurements = None if image is None else _measurements(measure(labels, image))
            document = feature_collection(labels, stem, measurements)
            _write_compact(output / f"{stem}.geojson", document)
            progress(found[stem].name, len(document["features"]))
    elif to == "coco":

        def named() -> Iterator[tuple[str, np.ndarray]]:
            for stem, path in found.items():
                labels = read_labels(path)
                progress(path.name, len(np.unique(labels[labels > 0])))
                yield path.name if intensities is None else intensities[stem].name, labels

        _write_compact(output, coco(named(), masks))
    else:
        _write_rows(output, _rows(found, read, progress))
    return len(found)


def check_output(to: Format, output: Path) -> None:
    """UsageError where the name of the output does not fit the format."""
    suffixes = {"coco": (".json",), "table": (".csv", ".parquet")}.get(to)
    if suffixes is not None and output.suffix.lower() not in suffixes:
        raise UsageError(f"--to {to} writes one file ending in {' or '.join(suffixes)}, found {output}")
    if to == "geojson" and output.exists() and not output.is_dir():
        raise UsageError(f"--to geojson writes a file an image into a folder, found the file {output}")
    if output.suffix.lower() == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ModuleNotFoundError as error:
            raise FcrbenchError('Parquet needs pyarrow: pip install "fcrbench[parquet]"') from error


def collect_labels(sources: Sequence[Path]) -> dict[str, Path]:
    """Label images by stem; DataError on none, or a stem that comes twice."""
    labels: dict[str, Path] = {}
    for source in sources:
        found = find_images(source) if source.is_dir() else {source.stem: source}
        for stem, path in found.items():
            if source.is_dir() and stem.endswith(OVERLAY) and stem.removesuffix(OVERLAY) in found:
                continue
            if stem in labels:
                raise DataError(f"{path} and {labels[stem]} share the name {stem}")
            labels[stem] = path
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


def _rows(
    found: dict[str, Path],
    read: Callable[[str], tuple[np.ndarray, np.ndarray | None]],
    progress: Callable[[str, int], None],
) -> Iterator["pd.DataFrame"]:
    for stem, path in found.items():
        table = measure(*read(stem))
        table.insert(0, "image", stem)
        progress(path.name, len(table))
        yield table


def _write_rows(output: Path, tables: Iterator["pd.DataFrame"]) -> None:
    """One table after the other, so that no more than one is held."""
    if output.suffix.lower() == ".csv":
        with atomic_path(output) as temporary:
            for i, table in enumerate(tables):
                table.to_csv(temporary, index=False, mode="a", header=i == 0)
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    with atomic_path(output) as temporary:
        writer = None
        try:
            for table in tables:
                rows = pa.Table.from_pandas(table.astype({"image": str}), preserve_index=False)
                if writer is None:
                    writer = pq.ParquetWriter(temporary, rows.schema)
                writer.write_table(rows.cast(writer.schema))
        finally:
            if writer is not None:
                writer.close()


def _write_compact(path: Path, document: dict[str, Any]) -> None:
    write_text(path, json.dumps(document, separators=(",", ":"), allow_nan=False) + "\n")
