"""Recognizes arrays that are no label images although their dtype is right, and turns masks into labels."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.errors import DataError, LabelWarning
from fcrbench.kernels._arrays import flat_unsigned
from fcrbench.kernels.rows import MIN_SHORT, NORMAL, SINGLE, count_row_runs, judge_rows
from fcrbench.labels import as_labels, is_on_accelerator
from fcrbench.postprocess import label

Kind = Literal["mask", "interpolated", "intensities"]

_SAMPLED_ROWS, _MAX_STEP = 8, 64
_MAX_PIXELS = 1 << 24  # of which the pieces of a mask are counted
_MAX_SCATTERED_PIXELS = 1 << 20  # of which scattered pieces are counted

# A mask: one id in at least four pieces that are no specks, and none of them is nearly all of it.
_MIN_PIECES, _SPECK, _MAX_LARGEST = 4, 4, 0.9

# Measured on 663 true label images: at most 0.1 of the runs are short, after subsampling 0.3, and 0.05 of the
# borders blended. After interpolation or JPEG it is 0.36 and 0.1 or more.
_MIN_RUNS, _MIN_BLENDED = 10, 0.1
_MIN_NONZERO = 0.8  # of the pixels of an image of intensities; label images have background

FIXES: Mapping[Kind, str] = {
    "mask": "postprocess.label(array != 0)[0] labels its components",
    "interpolated": "resize label images to the nearest pixel, and save them without loss (PNG, TIFF)",
    "intensities": "expected one id per object and 0 for the background",
}


class Finding(NamedTuple):
    """What an array looks like instead of a label image.

    Attributes:
        kind: the kind, a key of `FIXES`.
        what: the same in words, as "a mask of 0 and 255".
        details: the counts that show it, as "one id in 37 pieces".
    """

    kind: Kind
    what: str
    details: str


def looks_like(labels: ArrayLike) -> Finding | None:
    """Return what an array looks like if it is probably no label image; None for a label image.

    Three kinds are recognized: a mask, whose only id is in four or more pieces; ids that were interpolated or
    saved as JPEG, most of whose pieces are a few pixels at the borders of objects; and an image of
    intensities. Most arrays are judged by a few of their rows, which takes microseconds. In doubt the
    answer is None: a true label image hardly ever gives a finding, but not every wrong array does.

    Args:
        labels: (H, W) or (D, H, W), any integer dtype or bool; 0 is background. Nothing is found in arrays of
            other dimensions, and in tensors on an accelerator.

    Raises TypeError if the labels are not integers.
    """
    if is_on_accelerator(labels):
        return None
    image = as_labels(labels, "labels")
    if image.ndim not in (2, 3) or image.size == 0:
        return None
    if image.flags.c_contiguous:
        rows, step = image, _row_step(image.size // image.shape[-1])
    else:  # copy a few rows instead of all
        steps = [
            _row_step(length) if image.ndim == 2 else length // _SAMPLED_ROWS + 1
            for length in image.shape[:-1]
        ]
        rows, step = image[tuple(slice(n // 2, None, n) for n in steps)], 1
    verdict = judge_rows(flat_unsigned(rows), image.shape[-1], step // 2, step)
    if verdict == NORMAL:
        return None
    return _find_mask(image) if verdict == SINGLE else _find_scattered(image)


def _row_step(rows: int) -> int:
    """Return the step at which at least 8 rows of an image are read, and at least one of 64."""
    return min(max(1, rows // _SAMPLED_ROWS), _MAX_STEP)


def components_of_mask(mask: NDArray, name: str) -> NDArray[np.int32]:
    """Return the 4-connected components (in 3-D 6-connected) of a mask as labels 1..n in raster order.

    Pixels that touch at a corner only belong to different objects, as in `postprocess.label`.

    Args:
        mask: (H, W) or (D, H, W), integers or bool, with 0 and at most one other value.
        name: of the array in the message.

    Raises DataError if there are several values besides 0.
    """
    foreground = mask != 0
    value = mask.max(initial=0)
    if not np.array_equal(foreground, mask == value) and foreground.any():
        ids = np.unique(mask[foreground])
        shown = ", ".join(map(str, ids[:3].tolist())) + (", .." if len(ids) > 3 else "")
        raise DataError(
            f"{name}: expected a mask with one value besides 0 to label its components, "
            f"found {len(ids)} values: {shown}"
        )
    return label(foreground)[0]


def warn_about(arrays: Mapping[str, ArrayLike], stacklevel: int = 3) -> None:
    """Issue a `LabelWarning` for each array, by name, that looks like no label image.

    The texts have no counts, so that Python shows them once for all the images that a line of code scores.
    """
    for name, array in arrays.items():
        if finding := looks_like(array):
            text = f"{name} looks like {finding.what}; {FIXES[finding.kind]}"
            warnings.warn(text, LabelWarning, stacklevel)


class Findings:
    """Collects what images look like, to say it once for all of them."""

    def __init__(self) -> None:
        self._images: dict[str, int] = {}  # by role, such as "truth"
        self._found: dict[tuple[str, Kind], tuple[Finding, list[str]]] = {}  # the first one, and all images

    def add(self, image: str, found: Mapping[str, Finding | None]) -> None:
        """Add what the label images of one image look like, by role."""
        for role, finding in found.items():
            self._images[role] = self._images.get(role, 0) + 1
            if finding is not None:
                self._found.setdefault((role, finding.kind), (finding, []))[1].append(image)

    def messages(self, fixes: Mapping[Kind, str] = FIXES) -> list[str]:
        """Return a sentence for each role and kind that was found; `{role}` in fixes stands for the role."""
        return [
            f"{role} looks like {first.what}: {first.details} ({_count(names, self._images[role])}); "
            + {**FIXES, **fixes}[kind].format(role=role)
            for (role, kind), (first, names) in self._found.items()
        ]

    def roles(self, kind: Kind) -> set[str]:
        """Return the roles of which an image was found to be of this kind."""
        return {role for role, found in self._found if found == kind}


def _count(names: list[str], total: int) -> str:
    if len(names) > 1:
        return f"{names[0]} and {len(names) - 1} more of {total}"
    return names[0] if total == 1 else f"{names[0]}, 1 of {total}"


def _find_mask(image: NDArray) -> Finding | None:
    value = image.max()
    if value == 0 or ((image != value) & (image != 0)).any():
        return None
    window = _window(image, _MAX_PIXELS)
    components, n = label(window != 0)
    sizes = np.bincount(components.reshape(-1), minlength=1)[1:]
    if np.count_nonzero(sizes > _SPECK) < _MIN_PIECES or sizes.max() > _MAX_LARGEST * sizes.sum():
        return None
    pieces = f"{n:,} pieces" if window.size == image.size else f"more than {n:,} pieces"
    return Finding("mask", f"a mask of 0 and {int(value)}", f"one id in {pieces}")


def _find_scattered(image: NDArray) -> Finding | None:
    window = np.ascontiguousarray(_window(image, _MAX_SCATTERED_PIXELS))
    runs, short, pixels, short_pixels, sharp, blended, _ = count_row_runs(
        flat_unsigned(window), window.shape[-1], 0, 1
    )
    if runs < _MIN_RUNS or short < MIN_SHORT * runs:
        return None
    if not blended or blended < _MIN_BLENDED * (sharp + blended):
        return None
    components, pieces = label(window, 0, 2)
    flat = components.reshape(-1)
    sizes = np.bincount(flat)[1:]
    id_of_piece = np.zeros(pieces + 1, window.dtype)
    id_of_piece[flat] = window.reshape(-1)
    ids = len(np.unique(id_of_piece[1:]))
    specks = float(np.mean(sizes <= _SPECK))
    if not _is_scattered(ids, pieces, specks, blended / (sharp + blended), short_pixels / pixels):
        return None
    details = f"{ids:,} ids in {pieces:,} pieces, most of them of a few pixels"
    if np.count_nonzero(window) > _MIN_NONZERO * window.size:
        return Finding("intensities", "an image of intensities", details)
    return Finding("interpolated", "a label image that was interpolated or saved as JPEG", details)


def _is_scattered(ids: int, pieces: int, specks: float, blended: float, noise: float) -> bool:
    """Return whether most pieces are remains of blended borders or noise.

    specks   share of the pieces that have a few pixels
    blended  share of the borders along rows that are blended
    noise    share of the pixels of objects in short runs

    Class maps have few ids, and tiny objects have one piece for each id. Ids far apart, which blend to ever
    new ids, are recognized by the large objects that they belong to.
    """
    if ids < 6 or specks < 0.5:
        return False
    if pieces >= 4 * ids or (pieces >= 2 * ids and blended >= 0.25):
        return True
    return specks >= 0.75 and blended >= 0.5 and noise < 0.5


def _window(image: NDArray, limit: int) -> NDArray:
    """Return the part of a large image around the middle of its objects, of about `limit` pixels."""
    if image.size <= limit:
        return image
    step = max(1, round((image.size / 65536) ** (1 / image.ndim)))
    coarse = np.nonzero(image[(slice(None, None, step),) * image.ndim])
    share = (limit / image.size) ** (1 / image.ndim)
    part = []
    for length, positions in zip(image.shape, coarse, strict=True):
        side = max(1, int(length * share))
        middle = int(np.median(positions)) * step if len(positions) else length // 2
        low = min(max(0, middle - side // 2), length - side)
        part.append(slice(low, low + side))
    return image[tuple(part)]
