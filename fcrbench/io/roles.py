"""Tells images from label images and other results that programs write into the same folder.

Cellpose writes a_cp_masks.png, a_seg.npy and a_flows.tif beside a.tif, and fcrbench writes a_overlay.png
beside its labels. Such a file is known by its name and by the file beside it, never by its name alone.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from fcrbench.io.find import Entry, Listing, list_images
from fcrbench.io.names import LABEL_SUFFIXES, LABELS_SOFTWARE
from fcrbench.io.zarr_folder import is_zarr_labels
from fcrbench.text import name_key, printable

_OBJECTS = ("_nuclei", "_Nuclei", "_objects", "_Objects", "_cells", "_Cells")  # CellProfiler
CELLPOSE_MASKS = ("_cp_masks", "_seg")
# The endings by which programs name the label image of an image.
LABEL_ENDINGS = (
    *CELLPOSE_MASKS,
    *("_masks", "_mask", "-masks", "-mask", ".masks", ".mask"),  # Cellpose's training data, many others
    *("_labels", "_label", "-labels", "-label", ".labels", ".label", "_labelled", "-labelled", "_labeled"),
    *(".stardist", "_stardist", "_instances", "_instanseg_prediction", "_segmentation", "_Object Identities"),
    *_OBJECTS,
)
# The endings by which data sets mark the images themselves, or that tools keep of the name of an image.
IMAGE_ENDINGS = ("_img", "_image", "_raw", ".ome", ".tif", ".tiff", ".ome.tif", ".png")

_OVERLAY = "_overlay"  # what `fcrbench predict` draws
_CELLPOSE_OTHERS = ("_flows", "_dP", "_outlines", "_cp_output", "_cp_outlines", "_cellprob")
_UNSURE = (*_OBJECTS, "_labelled", "-labelled", "_labeled", "_segmentation")
# A file with one of these endings, beside the image it belongs to, is a label image. The others may as well
# be images, such as the channel "a_nuclei.tif".
_SURE_ENDINGS = tuple(ending for ending in LABEL_ENDINGS if ending not in _UNSURE)
# Beside "a_mask.png", which may be a mask of the tissue, "a.tif" may still be the label image.
_UNSURE_MASKS = ("_mask", "-mask", ".mask")
_RESULTS = (_OVERLAY, *_CELLPOSE_OTHERS, *LABEL_ENDINGS)
_MARK = LABELS_SOFTWARE.encode() + b"\0"
_HEAD = 1 << 14  # bytes at the start of a TIFF file, where our label images have their tags
log = logging.getLogger(__name__)


def images_in(folder: Path, *, recursive: bool = True) -> Listing:
    """List the images of a folder without the label images and other results that belong to them.

    One line of the log counts what was left out.
    """
    listing = list_images(folder, recursive=recursive)
    known = _Names(listing)
    dropped = {}
    for entry in listing.entries:
        ours = _is_our_label_image(entry.path)
        kind = "label image(s) that fcrbench wrote" if ours else known.kind_of_result(entry)
        if kind is not None:
            dropped[entry.path] = kind
    return _reported(listing.without(dropped))


def labels_in(
    folder: Path,
    *,
    recursive: bool = True,
    skip: Sequence[Path] = (),
    report: bool = True,
    all_files: bool = False,
) -> Listing:
    """List the label images of a folder without images that have their labels beside them, and overlays.

    skip       folders below `folder` that are not searched
    report     count in one line of the log what was left out
    all_files  also list what, by its name, is no label image
    """
    listing = list_images(folder, recursive=recursive, suffixes=LABEL_SUFFIXES, skip=skip)
    if not all_files:
        known = _Names(listing)
        kinds = {entry.path: known.kind_of_no_labels(entry) for entry in listing.entries}
        listing = listing.without({path: kind for path, kind in kinds.items() if kind is not None})
    return _reported(listing) if report else listing


def _reported(listing: Listing) -> Listing:
    if line := listing.describe_left_out():
        log.warning("%s", printable(line))
    return listing


class _Names:
    """The names in a folder, to find what belongs together."""

    def __init__(self, listing: Listing) -> None:
        self.names = {name_key(entry.name) for entry in listing.entries}
        self.has_results = any(name.endswith(_RESULTS) for name in self.names)

    def kind_of_result(self, entry: Entry) -> str | None:
        """Return what a file is if it is no image: "" for an overlay, which is always there."""
        kind = self._kind_of_neither(entry)
        if kind is None and self.has_results and self.is_labels(entry):
            return "label image(s) with the image beside"
        return kind

    def kind_of_no_labels(self, entry: Entry) -> str | None:
        """Return what a file is if it is no label image: "" for an overlay."""
        kind = self._kind_of_neither(entry)
        if kind is not None or not self.has_results:
            return kind
        if self.repeats_masks(entry):
            return "_seg.npy with the same masks beside"
        return "image(s) with the labels beside" if self.is_image(entry) else None

    def _kind_of_neither(self, entry: Entry) -> str | None:
        """Return what a file is if it is neither an image nor a label image."""
        if not self.has_results:
            return None
        if self.is_overlay(entry):
            return ""
        return "other result(s) of Cellpose" if self.is_other_result(entry) else None

    def is_overlay(self, entry: Entry) -> bool:
        name = name_key(entry.name)
        return name.endswith(_OVERLAY) and name.removesuffix(_OVERLAY) in self.names

    def is_other_result(self, entry: Entry) -> bool:
        name = name_key(entry.name).removesuffix("_cp_masks")
        return any(
            base in self.names or any(base + ending in self.names for ending in CELLPOSE_MASKS)
            for ending in _CELLPOSE_OTHERS
            for base in _bases(name, ending)
        )

    def is_labels(self, entry: Entry) -> bool:
        name = name_key(entry.name)
        return any(
            base + image in self.names
            for ending in _SURE_ENDINGS
            for base in _bases(name, ending)
            for image in ("", "_img", "_image")
        )

    def repeats_masks(self, entry: Entry) -> bool:
        """Return whether the file is a _seg.npy of Cellpose beside its _cp_masks."""
        name = name_key(entry.name)
        return (
            entry.path.suffix.lower() == ".npy"
            and name.endswith("_seg")
            and f"{name.removesuffix('_seg')}_cp_masks" in self.names
        )

    def is_image(self, entry: Entry) -> bool:
        name = name_key(entry.name)
        parent, slash, last = name.rpartition("/")
        if f"{parent}{slash}masks/{last}_cp_masks" in self.names:
            return True
        bases = [name, *(name.removesuffix(image) for image in ("_img", "_image") if name.endswith(image))]
        return any(
            base + ending in self.names
            for base in bases
            for ending in _SURE_ENDINGS
            if base != name or ending not in _UNSURE_MASKS
        )


def _bases(name: str, ending: str) -> Iterator[str]:
    """Yield the names to which a result with this ending may belong: in its folder, or in the one above."""
    if not name.endswith(ending):
        return
    base = name[: -len(ending)]
    folders, _, last = base.rpartition("/")
    if last:
        yield base
        if folders:
            yield "/".join([*folders.split("/")[:-1], last])


def _is_our_label_image(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _MARK in file.read(_HEAD)
    except OSError:  # a Zarr folder; or the reader of the file will report the error
        return is_zarr_labels(path)
