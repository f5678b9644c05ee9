"""Draws fields for pages: the image, and transparent layers with outlines and mistakes."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fcrbench.report.mistakes import Mistakes, find_mistakes
from fcrbench.report.outlines import BOTH, PREDICTION, TRUTH, inner_boundaries, overlay, stretch

# Of larger fields only a window of this side is shown, so that a page has at most a few megabytes.
MAX_SIDE = 1024
MAX_WINDOW = 180  # pixels; side of the part of a field that is shown many times

# More colours of Okabe & Ito. The hatching distinguishes them without colour.
MISSED = (213, 94, 0)  # vermilion, rising lines
FALSE = (204, 121, 167)  # reddish purple, falling lines
MERGE = (240, 228, 66)  # yellow, tinted
SPLIT = (0, 158, 115)  # bluish green, tinted

_HATCH_EVERY = 5
_HATCH_ALPHA, _TINT_ALPHA = 235, 105


@dataclass(frozen=True, slots=True)
class Picture:
    """One field for a page: PNG data URIs of equal size, which the page stacks.

    shape    (height, width) of the layers
    window   a text that says which part of a large field is shown; "" for the whole field
    """

    shape: tuple[int, int]
    window: str
    image: str
    mistakes: str
    truth: str
    prediction: str
    both: str
    found: Mistakes


def picture(image: np.ndarray, truth: np.ndarray, prediction: np.ndarray) -> Picture:
    """Draw one field at native resolution.

    image                (H, W), any real dtype
    truth, prediction    (H, W) integers, 0 = background
    """
    found = find_mistakes(truth, prediction)
    layer = _mistakes_layer(truth, prediction, found)
    view = _window(layer[..., 3] > 0, MAX_SIDE)
    return _draw(image, truth, prediction, found, layer, view, "where most mistakes are")


def side_by_side(
    image: np.ndarray, truth: np.ndarray, predictions: Sequence[np.ndarray], side: int
) -> list[Picture]:
    """Draw one field once per prediction, always in the same window of at most `side` x `side` pixels.

    The window contains the most pixels that some of the predictions got wrong and others did not.
    """
    found = [find_mistakes(truth, prediction) for prediction in predictions]
    layers = [_mistakes_layer(truth, p, f) for p, f in zip(predictions, found, strict=True)]
    wrong = np.stack([layer[..., 3] > 0 for layer in layers])
    some = np.asarray(wrong.any(axis=0))
    differs = some & np.asarray(~wrong.all(axis=0))
    view = _window(differs if differs.any() else some, side)
    why = "where the methods differ most" if differs.any() else "where most mistakes are"
    return [_draw(image, truth, *drawn, view, why) for drawn in zip(predictions, found, layers, strict=True)]


def outlined_window(image: np.ndarray, labels: np.ndarray, truth: np.ndarray, side: int) -> str:
    """Draw both outlines in the window of at most side x side pixels with most nuclei. Return a data URI."""
    return _png(overlay(image, labels, truth)[_window(truth > 0, side)])


def _draw(
    image: np.ndarray,
    truth: np.ndarray,
    prediction: np.ndarray,
    found: Mistakes,
    mistakes: np.ndarray,
    view: tuple[slice, slice],
    why: str,
) -> Picture:
    rows, columns = view
    height, width = image.shape
    window = ""
    if (rows.stop - rows.start, columns.stop - columns.start) != image.shape:
        window = (
            f"rows {rows.start} to {rows.stop - 1}, columns {columns.start} to {columns.stop - 1} "
            f"of {height} x {width}: {why}"
        )
    in_truth, in_prediction = inner_boundaries(truth)[view], inner_boundaries(prediction)[view]
    return Picture(
        shape=in_truth.shape,
        window=window,
        image=_png(stretch(image)[view]),
        mistakes=_png(mistakes[view]),
        truth=_png(_solid(in_truth, TRUTH)),
        prediction=_png(_solid(in_prediction, PREDICTION)),
        both=_png(_solid(in_truth & in_prediction, BOTH)),
        found=found,
    )


def _mistakes_layer(truth: np.ndarray, prediction: np.ndarray, found: Mistakes) -> np.ndarray:
    """(H, W, 4) uint8: tints for merges and splits, hatching for objects without a partner."""
    layer = np.zeros((*truth.shape, 4), np.uint8)
    layer[np.isin(truth, found.splits)] = (*SPLIT, _TINT_ALPHA)
    layer[np.isin(prediction, found.merges)] = (*MERGE, _TINT_ALPHA)
    y, x = np.ogrid[: truth.shape[0], : truth.shape[1]]
    layer[np.isin(truth, found.missed) & ((x + y) % _HATCH_EVERY == 0)] = (*MISSED, _HATCH_ALPHA)
    layer[np.isin(prediction, found.false) & ((x - y) % _HATCH_EVERY == 0)] = (*FALSE, _HATCH_ALPHA)
    return layer


def _window(marked: np.ndarray, side: int) -> tuple[slice, slice]:
    """Return the window of at most side x side pixels with the most marked ones (ties: top left)."""
    height, width = (min(side, length) for length in marked.shape)
    sums = np.zeros((marked.shape[0] + 1, marked.shape[1] + 1), np.int64)
    sums[1:, 1:] = marked.cumsum(axis=0, dtype=np.int64).cumsum(axis=1)
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    top, left = np.unravel_index(int(inside.argmax()), inside.shape)
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)


def _solid(mask: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    layer = np.zeros((*mask.shape, 4), np.uint8)
    layer[mask] = (*color, 255)
    return layer


def _png(picture: np.ndarray) -> str:
    import imagecodecs

    data = imagecodecs.png_encode(np.ascontiguousarray(picture), level=6)
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")
