"""Corruptions that degrade images: blur, noise, gain, scale, bit depth."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from fcrbench.datasets.base import Sample
from fcrbench.errors import UsageError, unknown_name

Apply = Callable[[Sample, float, np.random.Generator], Sample]


@dataclass(frozen=True)
class Corruption:
    """One way to degrade images.

    levels   the strengths to measure, in units of `unit`
    neutral  the level that changes nothing
    log      whether levels are ratios, to be drawn on a logarithmic axis
    note     one sentence that says how it is computed
    """

    name: str
    title: str
    unit: str
    levels: tuple[float, ...]
    neutral: float
    log: bool
    note: str
    apply: Apply


def defocus(image: np.ndarray, radius: float) -> np.ndarray:
    """Blur an image (H, W) as an unfocused lens does: the mean over a disc of this radius in pixels."""
    if radius == 0:
        return image
    half = math.ceil(radius)
    fine = (np.arange((2 * half + 1) * 5) + 0.5) / 5 - (half + 0.5)  # five sub-pixels a side
    inside = (fine[:, None] ** 2 + fine**2 <= radius**2).astype(np.float64)
    disc = inside.reshape(2 * half + 1, 5, 2 * half + 1, 5).sum(axis=(1, 3))
    blurred = ndimage.convolve(image.astype(np.float64), disc / disc.sum(), mode="reflect")
    return _as_stored(blurred, image.dtype)


def add_noise(image: np.ndarray, percent: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise. Its deviation is in per cent of the range from the 1st to the 99.8th percentile."""
    if percent == 0:
        return image
    low, high = np.percentile(image, (1, 99.8))
    deviation = (high - low) * percent / 100
    return _as_stored(image + deviation * rng.standard_normal(image.shape), image.dtype)


def apply_gain(image: np.ndarray, factor: float) -> np.ndarray:
    """Multiply every pixel by `factor`, then round and clip to the range of the integer type."""
    return image if factor == 1 else _as_stored(image.astype(np.float64) * factor, image.dtype)


def reduce_bits(image: np.ndarray, n: float) -> np.ndarray:
    """Reduce the range of the image to 2**n gray levels. Returns uint8 up to 8 bits, else uint16."""
    low, high = float(image.min()), float(image.max())
    top = 2 ** int(n) - 1
    levels = (image.astype(np.float64) - low) * (top / max(high - low, 1e-12))
    return np.rint(levels).astype(np.uint8 if n <= 8 else np.uint16)


def resize(sample: Sample, factor: float) -> Sample:
    """Multiply the sides of a field by `factor`.

    The image is interpolated linearly, and smoothed first if it shrinks. Labels are taken from the
    nearest pixel.
    """
    if factor == 1:
        return sample
    image = sample.image.astype(np.float64)
    if factor < 1:
        image = ndimage.gaussian_filter(image, (1 / factor - 1) / 2, mode="reflect")
    shape = [max(round(side * factor), 1) for side in image.shape]
    at = [(np.arange(new) + 0.5) * (old / new) - 0.5 for new, old in zip(shape, image.shape, strict=True)]
    grid = np.meshgrid(*at, indexing="ij")
    resized = ndimage.map_coordinates(image, grid, order=1, mode="nearest")
    rows, columns = (np.clip(np.rint(a).astype(int), 0, n - 1) for a, n in zip(at, image.shape, strict=True))
    labels = sample.labels[rows][:, columns]
    return replace(sample, image=_as_stored(resized, sample.image.dtype), labels=labels)


def all_corruptions(dtype: np.dtype) -> dict[str, Corruption]:
    """Return every corruption by name, for images stored as `dtype`."""
    stored = dtype.itemsize * 8

    def of_image(change: Callable[[np.ndarray, float], np.ndarray]) -> Apply:
        return lambda sample, level, rng: replace(sample, image=change(sample.image, level))

    def noisy(sample: Sample, level: float, rng: np.random.Generator) -> Sample:
        return replace(sample, image=add_noise(sample.image, level, rng))

    def scaled(sample: Sample, level: float, rng: np.random.Generator) -> Sample:
        return resize(sample, level)

    ratios = (1 / 16, 1 / 4, 1 / 2, 1, 2, 4, 16)
    depths = (*(float(n) for n in (4, 5, 6, 8, 10, 12) if n < stored), float(stored))
    all_of_them = (
        Corruption(
            *("blur", "Defocus", "radius of the blur disc, pixels", (0, 1, 2, 3, 5, 8), 0, False),
            "Each pixel is the mean over a disc, as for a lens out of focus.",
            of_image(defocus),
        ),
        Corruption(
            *("noise", "Noise", "deviation, % of the image's range", (0, 2, 5, 10, 20, 40), 0, False),
            "The noise is Gaussian. The range is from the 1st to the 99.8th percentile.",
            noisy,
        ),
        Corruption(
            *("gain", "Gain", "factor", ratios, 1, True),
            "Pixels are multiplied, then rounded and clipped to the range of the image's integer type.",
            of_image(apply_gain),
        ),
        Corruption(
            *("scale", "Scale", "factor", (0.5, 0.67, 0.8, 1, 1.25, 1.5, 2), 1, True),
            "The image is resized and scored against its resized truth.",
            scaled,
        ),
        Corruption(
            *("bits", "Bit depth", "bits", depths, stored, False),
            f"The range of the image is reduced to fewer gray levels. It is stored with {stored} bits.",
            of_image(reduce_bits),
        ),
    )
    return {corruption.name: corruption for corruption in all_of_them}


def choose_corruptions(names: str, dtype: np.dtype) -> list[Corruption]:
    """Return the corruptions of a comma-separated list. "all" stands for every one."""
    known = all_corruptions(dtype)
    chosen = list(known) if names == "all" else [name.strip() for name in names.split(",")]
    for name in chosen:
        if name not in known:
            raise UsageError(unknown_name("corruption", name, known))
    return [known[name] for name in dict.fromkeys(chosen)]


def _as_stored(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Convert real numbers to the dtype of an image. For integers they are rounded and clipped."""
    if dtype.kind not in "iu":
        return values.astype(dtype)
    info = np.iinfo(dtype)
    return np.clip(np.rint(values), info.min, info.max).astype(dtype)
