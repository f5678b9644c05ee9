"""Images and volumes as runs of equal pixels, on which most of post-processing is done."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels import components as components_kernel
from fcrbench.kernels import contacts as contacts_kernel
from fcrbench.kernels import margins as margins_kernel
from fcrbench.kernels import regions as regions_kernel
from fcrbench.kernels import runs as runs_kernel
from fcrbench.kernels._arrays import flat_unsigned
from fcrbench.labels import as_labels, check_ids, tabulate_objects
from fcrbench.postprocess._contacts import Contacts

_WORD = 64  # pixels, see `kernels.components`
_MAX_RUNS = 2**31 - 1

# The earlier rows that a row touches, by (dimensions, connectivity), as (planes back, step in rows, whether
# also over corners). Neighbours within a row need no entry.
_LINKS = {
    (2, 1): [(0, -1, 0)],
    (2, 2): [(0, -1, 1)],
    (3, 1): [(0, -1, 0), (1, 0, 0)],
    (3, 2): [(0, -1, 1), (1, 0, 1), (1, -1, 0), (1, 1, 0)],
    (3, 3): [(0, -1, 1), (1, 0, 1), (1, -1, 1), (1, 1, 1)],
}


@dataclass
class Runs:
    """The runs of an image, the longest stretches of equal value within one row, and their objects.

    Attributes:
        shape: shape of the image, which has at least one pixel.
        starts: (n + 1,) int64, flat index of the first pixel of each run, then the number of pixels.
        labels: (n,) int32, the object of each run, 1..count, or 0 for background.
        count: the number of objects.
    """

    shape: tuple[int, ...]
    starts: NDArray[np.int64]
    labels: NDArray[np.int32]
    count: int

    @classmethod
    def from_labels(cls, labels: NDArray, name: str) -> "Runs":
        """Make runs whose objects are the ids of a label image. Raises ValueError for a negative id."""
        starts, values = _runs_of_values(labels)
        n = len(values)
        entries = np.zeros((n + 1, 3), np.uint64)
        entries[1:, 0], entries[1:, 2] = values, np.diff(starts)
        objects = tabulate_objects(entries, n)
        check_ids(objects.ids[0], labels.dtype, name)
        return cls(labels.shape, starts, objects.index[0], len(objects.ids[0]))

    @classmethod
    def from_ids(cls, labels: NDArray[np.int32]) -> "Runs":
        """Make runs with the ids of a label image as they are; no id may be negative, and count is 0."""
        starts, values = _runs_of_values(labels)
        return cls(labels.shape, starts, values.astype(np.int32), 0)

    @classmethod
    def from_components(cls, image: NDArray, background: int | None, connectivity: int) -> "Runs":
        """Make runs whose objects are the connected components of equal value; arguments as in `_connect`."""
        starts, parent = _connect(image, background, connectivity)
        count = components_kernel.number_components(parent, len(starts) - 1)
        return cls(image.shape, starts, parent[1:], count)

    def _row_offsets(self) -> NDArray[np.int64]:
        """Return the index of the first run of each row of an image, then the number of runs."""
        height, width = self.shape
        return np.searchsorted(self.starts, width * np.arange(height + 1))

    def sizes(self) -> NDArray[np.int64]:
        """Return (count + 1,) the pixels of the background and of each object."""
        return regions_kernel.object_sizes(self.starts, self.labels, self.count)

    def find_contacts(self, doubt: NDArray[np.uint8] | None = None) -> Contacts:
        """Find the objects that touch each other; doubt (H, W) is summed along their shared sides."""
        flat = np.empty(0, np.uint8) if doubt is None else doubt.reshape(-1)
        edges, found = contacts_kernel.find_contacts(
            self.starts, self.labels, self._row_offsets(), self.shape[1], self.count, flat
        )
        return Contacts(self.sizes(), edges, found[:, :2].T, found[:, 2], found[:, 3])

    def doubt_at_contacts(self, planes: NDArray, background: int) -> NDArray[np.uint8]:
        """Return (H, W) doubt of the pixels that `find_contacts` reads; planes (K, N) are scores."""
        out = np.zeros(self.shape, np.uint8)
        contacts_kernel.compute_doubts_at_contacts(
            self.starts, self.labels, self._row_offsets(), self.shape[1], planes, background, out.reshape(-1)
        )
        return out

    def reassign(self, owner: NDArray[np.int64]) -> None:
        """Reassign each object k to owner[k], or to the background, 0; ids are 1..n in raster order again."""
        rows = self._row_offsets()
        self.count, n = regions_kernel.reassign_objects(self.starts, self.labels, rows, owner)
        self.starts, self.labels = self.starts[: n + 1], self.labels[:n]

    def touches_border(
        self, top: bool = True, bottom: bool = True, left: bool = True, right: bool = True
    ) -> NDArray[np.bool_]:
        """Return (count + 1,) whether each object touches one of these sides of the image."""
        rows = self._row_offsets()
        touched = np.zeros(self.count + 1, bool)
        if top:
            touched[self.labels[: rows[1]]] = True
        if bottom:
            touched[self.labels[rows[-2] :]] = True
        if left:
            touched[self.labels[rows[:-1]]] = True
        if right:
            touched[self.labels[rows[1:] - 1]] = True
        return touched

    def sum_margins(self, planes: NDArray, classes: NDArray[np.uint8], background: int) -> NDArray[np.int64]:
        """Return (count + 1,) the margins summed over each object; planes (K, N) are scores."""
        return margins_kernel.sum_margins(
            self.starts, self.labels, self.count, planes, classes.reshape(-1), background
        )

    def sum_values(self, values: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return (count + 1,) the values (H, W) summed over each object."""
        return margins_kernel.sum_values(self.starts, self.labels, self.count, values.reshape(-1))

    def keep_only(self, kept: NDArray[np.bool_]) -> None:
        """Turn all objects into background except those that are kept; kept: (count + 1,)."""
        self.reassign(np.where(kept, np.arange(self.count + 1), 0))

    def fill_holes(
        self, top: bool = True, bottom: bool = True, left: bool = True, right: bool = True
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Fill holes; see `kernels.regions.fill_holes`.

        Each argument tells whether that side lies on the border of the image.
        """
        return regions_kernel.fill_holes(
            self.starts, self.labels, self._row_offsets(), self.shape[1], np.array([top, bottom, left, right])
        )

    def paint(self, out: NDArray[np.int32] | None = None) -> NDArray[np.int32]:
        """Write the label image to `out` or a new array, and return it."""
        out = np.empty(self.shape, np.int32) if out is None else out
        runs_kernel.paint_runs(self.starts, self.labels, out.reshape(-1))
        return out


def label_components(
    image: NDArray, background: int | None, connectivity: int, out: NDArray[np.int32] | None
) -> tuple[NDArray[np.int32], int]:
    """Return the label image of the connected components and their number; faster than `Runs`."""
    starts, parent = _connect(image, background, connectivity)
    out = np.empty(image.shape, np.int32) if out is None else out
    return out, components_kernel.number_and_paint(parent, len(starts) - 1, starts, out.reshape(-1))


def _runs_of_values(image: NDArray) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return the starts of all runs followed by the number of pixels, and the value of each run."""
    flat = flat_unsigned(image)
    bits = np.empty(flat.size // _WORD + 1, np.uint64)
    runs_kernel.mark_changes(flat, bits, False)
    starts = runs_kernel.run_starts(bits, flat.size, image.shape[-1])
    return starts, runs_kernel.run_values(flat, starts)


def _connect(
    image: NDArray, background: int | None, connectivity: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the starts of all runs, and the forest that joins the runs of each component.

    background: the value of the background as an unsigned integer of the image's width; None if every pixel
    belongs to an object. See `kernels.components.connect`.
    """
    flat = flat_unsigned(image)
    height, width = image.shape[-2:]
    n_rows = flat.size // width
    links = _links(image.ndim, connectivity, n_rows > height, height > 1)
    farthest = max((int(z) * height - int(y)) * width + 1 for z, y, _ in links) if len(links) else 1
    if flat.size < farthest + _WORD:  # the kernel reads whole words
        flat = np.concatenate([flat, np.zeros(farthest + _WORD - flat.size, flat.dtype)])
    kept_rows = 2 if image.ndim == 2 else height + 2  # rows that a later row may touch
    words = -(-width // _WORD)
    changes, before = np.empty((kept_rows, words), np.uint64), np.empty((kept_rows, words), np.int64)
    everything = np.uint64(0 if background is not None else 2**64 - 1)
    background_word = np.full(_WORD, background or 0, flat.dtype)
    capacity = image.size // 16 + width + 2 * _WORD
    starts, parent = np.empty(capacity, np.int64), np.empty(capacity, np.int32)
    row = n = 0
    while True:
        row, n = components_kernel.connect(
            flat,
            width,
            height,
            background_word,
            everything,
            links,
            n_rows,
            row,
            changes,
            before,
            starts,
            parent,
            n,
        )
        if row == n_rows:
            return starts[: n + 1], parent[: n + 1]
        if capacity > _MAX_RUNS:
            raise ValueError(f"expected fewer than {_MAX_RUNS} runs of equal pixels, found more")
        capacity = 4 * capacity + width
        starts, parent = _enlarged(starts, n, capacity), _enlarged(parent, n + 1, capacity)


@cache
def _links(n_dim: int, connectivity: int, several_planes: bool, several_rows: bool) -> NDArray[np.int64]:
    """Return (k, 3) rows of _LINKS without those that lead outside an image of one plane or one row."""
    links = [
        link
        for link in _LINKS[n_dim, connectivity]
        if (several_planes or link[0] == 0) and (several_rows or link[1] == 0)
    ]
    return np.array(links, np.int64).reshape(-1, 3)


def _enlarged(array: NDArray, n: int, capacity: int) -> NDArray:
    """Return a larger array with the same first n entries."""
    bigger = np.empty(capacity, array.dtype)
    bigger[:n] = array[:n]
    return bigger


def check_contact(contact: float) -> None:
    """Raise ValueError if this is not a share of the edge."""
    if not 0 < contact <= 1:
        raise ValueError(f"contact: expected a share of the edge above 0, up to 1, found {contact}")


def refuse_out(out: NDArray[np.int32] | None) -> None:
    """Raise ValueError if there is an `out`."""
    if out is not None:
        raise ValueError("out: expected None for a tensor on an accelerator, found an array")


def check_out(out: NDArray[np.int32] | None, shape: tuple[int, ...]) -> None:
    """Raise ValueError if `out` cannot take the result."""
    if out is None:
        return
    if not (isinstance(out, np.ndarray) and out.dtype == np.int32 and out.shape == shape):
        found = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise ValueError(f"out: expected an int32 array of shape {shape}, found {found}")
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise ValueError("out: expected a C-contiguous array that may be written to")


def as_image(array: object, name: str, n_dims: tuple[int, ...] = (2,)) -> NDArray:
    """Return an integer or boolean array with one of these numbers of dimensions; else raise an error."""
    image = as_labels(array, name)
    if image.ndim not in n_dims:
        shapes = "a 2-D array (H, W)" + (" or a 3-D array (D, H, W)" if 3 in n_dims else "")
        raise ValueError(f"{name}: expected {shapes}, found shape {image.shape}")
    return image
