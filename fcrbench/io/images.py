"""Reads images and label images, with the checks that each of them needs."""

import os

import numpy as np

from fcrbench.errors import DataError
from fcrbench.io.choice import ANY, Choice, choose_plane
from fcrbench.io.decode import decode
from fcrbench.io.orientation import UPRIGHT, turn_upright
from fcrbench.io.stack import ALPHA, PLANE_AXES, Stack

_MAX_GAPS = 16  # largest packed id, in numbers of objects


def read_image(
    path: str | os.PathLike[str],
    channel: int | str | None = None,
    plane: int | str | None = None,
) -> np.ndarray:
    """Read one plane of an image file.

    Args:
        channel: index from 0, or a name: "gray", "red", "green", "blue" or one that the file gives.
        plane: index from 0, "max", "mean" or "sharpest".

    Returns (H, W) in the dtype of the file with unchanged values (bool becomes uint8 0/1), upright. Without
    `channel`, a file of several channels is read if they are equal, or if one of them is not constant. A
    fully opaque alpha channel is ignored.
    Raises DataError naming the file if it is unreadable, has several channels or planes of which none is
    chosen, or contains a value that is not finite.
    """
    choice = ANY if channel is None and plane is None else Choice(channel, plane)
    return image_of(decode(path), choice, path)


def image_of(stack: Stack, choice: Choice, path: str | os.PathLike[str]) -> np.ndarray:
    """Return the chosen plane of a decoded file, see `read_image`."""
    whole = isinstance(stack.pixels, np.ndarray) and stack.axes == "YX"
    if whole and choice.channel is choice.plane is None:
        array = _upright(stack.pixels, stack.orientation)
    else:
        array = choose_plane(stack, choice, path)[:, :]
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind not in "iuf":
        raise DataError(f"{path}: pixels are {array.dtype}, expected integers or real numbers")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int(array.size - np.count_nonzero(np.isfinite(array)))
        raise DataError(f"{path}: {bad} pixels are NaN or infinite, expected finite values")
    return array


def read_labels(path: str | os.PathLike[str], *, volume: bool = False) -> np.ndarray:
    """Read a label image (0 = background, one integer per object).

    Returns (H, W), upright, in the integer dtype of the file with unchanged ids; with `volume`, also
    (Z, H, W) of a file with several planes. A bool mask gives uint8 0/1, a palette file gives its indices,
    whole numbers in a float file become integers, and 8-bit colours become the ids 65536 red + 256 green +
    blue, as QuPath packs them (gray if all colours are equal). Transparency is ignored.
    Raises DataError naming the file if it is unreadable, has more than one channel or plane, or contains
    numbers that are negative or not whole.
    """
    return labels_of(decode(path, indexed=True, describe=False), path, volume=volume)


def labels_of(stack: Stack, path: str | os.PathLike[str], *, volume: bool = False) -> np.ndarray:
    """Return the labels in a decoded file, see `read_labels`."""
    pixels, axes = stack.pixels, stack.axes
    if axes != "YX":
        pixels, axes = _without_colours(*_squeeze(pixels, axes), stack.channels, path)
        if len(axes) > (3 if volume else 2) or "C" in axes:
            kind = "channels" if "C" in axes else "planes" if set(axes) & {*PLANE_AXES} else "pages"
            found = " x ".join(map(str, pixels.shape[:-2]))
            raise DataError(f"{path}: {found} {kind}, expected a label image with one")
    labels = _upright(pixels, stack.orientation)
    if labels.dtype.kind == "b":
        return labels.astype(np.uint8)
    if labels.dtype.kind == "f":
        labels = _whole_numbers(labels, path)
    if labels.dtype.kind not in "iu":
        raise DataError(f"{path}: labels are {labels.dtype}, expected integers")
    if labels.dtype.kind == "i" and int(labels.min()) < 0:
        raise DataError(f"{path}: the smallest label is {int(labels.min())}, expected none below 0")
    return labels


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    return pixels if orientation == UPRIGHT else np.ascontiguousarray(turn_upright(pixels, orientation))


def _squeeze(pixels: np.ndarray, axes: str) -> tuple[np.ndarray, str]:
    """Drop axes of length 1 before rows and columns."""
    kept = [k for k, n in enumerate(pixels.shape) if n > 1 or axes[k] in "YX"]
    return pixels.reshape([pixels.shape[k] for k in kept]), "".join(axes[k] for k in kept)


def _without_colours(
    pixels: np.ndarray, axes: str, names: tuple[str, ...], path: str | os.PathLike[str]
) -> tuple[np.ndarray, str]:
    """Reduce the samples of colour to one id."""
    if "S" not in axes:
        return pixels, axes
    samples = np.moveaxis(pixels, axes.index("S"), 0)
    rest = axes.replace("S", "")
    if len(samples) in (2, 4):
        extra = samples[-1]
        if names[-1:] != (ALPHA,) and not _is_constant(extra):
            raise DataError(f"{path}: {len(samples)} channels, expected a label image with one")
        samples = samples[:-1]
    if (samples[1:] == samples[0]).all():
        return samples[0], rest
    if len(samples) != 3 or samples.dtype != np.uint8:
        raise DataError(
            f"{path}: {len(samples)} channels of {samples.dtype}, expected a label image with one, or ids "
            "packed into 8-bit red, green and blue"
        )
    red, green, blue = samples.astype(np.uint32)
    ids = red << 16 | green << 8 | blue
    changes = (ids[..., 1:] != ids[..., :-1]) & (ids[..., 1:] != 0)
    scattered = 2 * np.count_nonzero(changes) > np.count_nonzero(ids)  # an object is wider than a pixel
    # Programs count objects from 1 on, so red is 0 unless there are very many.
    if scattered or (red.any() and int(ids.max()) > _MAX_GAPS * len(np.unique(ids))):
        raise DataError(
            f"{path}: 3 channels (red, green, blue) of a picture, expected a label image with one, or "
            "ids packed into colours"
        )
    return ids, rest


def _is_constant(array: np.ndarray) -> bool:
    return bool((array == array.flat[0]).all())


def _whole_numbers(labels: np.ndarray, path: str | os.PathLike[str]) -> np.ndarray:
    """Return labels of a float file as integers. Raise DataError if they are not whole or not exact."""
    with np.errstate(invalid="ignore"):
        whole = np.isfinite(labels) & (labels == np.floor(labels))
    if not whole.all():
        bad = labels[~whole].flat[0]
        n = labels.size - np.count_nonzero(whole)
        raise DataError(f"{path}: {n} labels are not whole numbers, such as {bad:g}, expected integers")
    low, high = float(labels.min()), float(labels.max())
    if low < 0:
        raise DataError(f"{path}: the smallest label is {low:g}, expected none below 0")
    exact = 2.0 ** (np.finfo(labels.dtype).nmant + 1)
    if high > exact:
        raise DataError(
            f"{path}: the largest label is {high:g}; {labels.dtype} is exact only up to {exact:.0f}"
        )
    return labels.astype(np.uint32 if high <= np.iinfo(np.uint32).max else np.int64)
