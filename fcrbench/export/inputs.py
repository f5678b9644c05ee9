"""Reads the label images of an export, with their images and the size of their pixels."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fcrbench.errors import DataError
from fcrbench.export.table import measure
from fcrbench.io.choice import Choice
from fcrbench.io.decode import decode
from fcrbench.io.images import image_of, labels_of
from fcrbench.io.large import decode_image
from fcrbench.io.names import file_name_of, image_name
from fcrbench.io.roles import labels_in
from fcrbench.io.zarr_folder import is_zarr
from fcrbench.label_checks import Findings, components_of_mask, looks_like
from fcrbench.text import to_unicode

if TYPE_CHECKING:
    import pandas as pd

AREA = "area_um2"


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


class LabelsWithImage(NamedTuple):
    """Labels (H, W), the intensities if any, and height and width of a pixel in micrometres if known."""

    labels: np.ndarray
    image: np.ndarray | None
    pixel_size: tuple[float, float] | None


class _Areas:
    """Gives all tables the columns of the first one, with or without areas in square micrometres."""

    def __init__(self) -> None:
        self.columns: list[str] | None = None
        self.left_out = 0

    def level(self, table: "pd.DataFrame") -> "pd.DataFrame":
        if self.columns is None:
            self.columns = table.columns.tolist()
        self.left_out += AREA in table and AREA not in self.columns
        return table.reindex(columns=self.columns)


@dataclass(frozen=True)
class ExportInputs:
    """Label images by name, and the images by the same names with their folder, if any."""

    labels: dict[str, Path]
    images: dict[str, Path] | None
    folder: Path | None
    label_mask: bool
    choice: Choice
    pixel_size: tuple[float, float] | None
    findings: Findings = field(default_factory=Findings)
    areas: _Areas = field(default_factory=_Areas)

    def names_in_errors(self, stem: str) -> list[str]:
        """Return texts that identify the image in an error message, besides the path of its label image."""
        of_image = [] if self.images is None or stem not in self.images else [str(self.images[stem])]
        return [*of_image, f"{self.folder} has no image"]

    def image_name(self, stem: str) -> str:
        path = self.labels[stem] if self.images is None else self._image(stem)
        return to_unicode(file_name_of(stem, path))

    def read_labels(self, stem: str) -> tuple[np.ndarray, tuple[float, float] | None]:
        """Return the labels, and height and width of their pixels in micrometres."""
        path = self.labels[stem]
        stack = decode(path, indexed=True)
        labels, size = labels_of(stack, path), self.pixel_size or stack.pixel_size
        if self.label_mask:
            return components_of_mask(labels, str(path)), size
        self.findings.add(path.name, {"label image": looks_like(labels)})
        return labels, size

    def read(self, stem: str) -> LabelsWithImage:
        labels, size = self.read_labels(stem)
        if self.images is None:
            return LabelsWithImage(labels, None, size)
        path = self._image(stem)
        stack = decode_image(path)
        image = image_of(stack, self.choice, path)
        if image.shape != labels.shape:
            raise DataError(
                f"{path} has shape {image.shape}, its labels {self.labels[stem]} have {labels.shape}"
            )
        return LabelsWithImage(labels, image, size or stack.pixel_size)

    def table(self, stem: str) -> "pd.DataFrame":
        table = self.areas.level(measure(*self.read(stem)))
        table.insert(0, "image", to_unicode(stem))
        return table

    def _image(self, stem: str) -> Path:
        if self.images is None or stem not in self.images:
            raise DataError(f"{self.folder} has no image for {self.labels[stem].name}")
        return self.images[stem]
