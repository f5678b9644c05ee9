"""Fill values: what programs store in pixels where there is no image, such as -9999 or 1e300.

One such pixel decides mean and deviation of an image, so that the image itself would be normalised to a
constant, and the network would find nothing without a word.
"""

import numpy as np

from fcrbench.errors import DataError

_IMPOSSIBLE = 1e20  # no detector counts so far; NetCDF fills with 9.97e36, others with the limits of the type
_SMALLEST_RANGE = 1e-4  # below it a deviation approaches the floor of Method.normalize
_ROUNDING = 1e-6  # a smaller range, relative to the values, is no picture


def replace_fill(image: np.ndarray) -> np.ndarray:
    """Return an image (H, W) that can be normalised.

    A fill value is replaced by the smallest other value. It is a negative number of a floating-point or
    signed image that is further from all other values than these are from each other. Floating-point values
    in a very small unit are scaled to 0..1. Any other image is returned as it is, also one with NaN.

    Raises DataError if there are values above 1e20, whose sign and use cannot be known.
    """
    if image.dtype.kind not in "if" or image.size == 0:
        return image
    low, high = float(image.min()), float(image.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        return image  # the scores of the network will be NaN, which is an error
    largest = max(-low, high)
    if largest > _IMPOSSIBLE:
        raise DataError(_describe_impossible(image, low, high))
    if (fill := _find_fill(image)) is not None:
        low = float(image[~fill].min())
        image = np.where(fill, image.dtype.type(low), image)
    if image.dtype.kind == "f" and _ROUNDING * largest < high - low < _SMALLEST_RANGE:
        return (image.astype(np.float64) - low) / (high - low)
    return image


def describe_fill(image: np.ndarray) -> list[str]:
    """Return a sentence for the user if `replace_fill` replaces pixels, else nothing."""
    if (fill := _find_fill(image)) is None:
        return []
    real = image[~fill]
    return [
        f"{np.count_nonzero(fill)} pixels hold {image.min():.6g}, the others {real.min():.6g} to "
        f"{real.max():.6g}; it is taken as a fill value, and these pixels as dark"
    ]


def _find_fill(image: np.ndarray) -> np.ndarray | None:
    """Return the mask (H, W) of the pixels with a fill value; None if there are none."""
    if image.dtype.kind not in "if" or image.size == 0 or not image.min() < 0:
        return None
    fill = image == image.min()
    others = image[~fill]
    if others.size == 0:
        return None
    least, high = float(others.min()), float(others.max())
    return fill if least < high and least - float(image.min()) > high - least else None


def _describe_impossible(image: np.ndarray, low: float, high: float) -> str:
    fill = (image > _IMPOSSIBLE) | (image < -_IMPOSSIBLE)
    if fill.all():
        return f"pixels hold values from {low:.6g} to {high:.6g}, expected intensities below {_IMPOSSIBLE:g}"
    real = image[~fill]
    return (
        f"{np.count_nonzero(fill)} pixels hold {high if high > _IMPOSSIBLE else low:.6g}, the others "
        f"{real.min():.6g} to {real.max():.6g}; it looks like a fill value, so replace it, for example by "
        f"{real.min():.6g}"
    )
