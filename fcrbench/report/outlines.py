"""Draws images in 8-bit gray with thin outlines of instances. Needs only NumPy."""

import numpy as np

# The colours of Okabe & Ito are distinct for every common kind of colour blindness, also on gray.
TRUTH = (230, 159, 0)  # orange
PREDICTION = (86, 180, 233)  # sky blue
BOTH = (255, 255, 255)

# The brightest gray is darker than white, so that white outlines are visible on saturated nuclei.
_BRIGHTEST = 190
# Percentiles are computed from about this many pixels at most. More would not change the picture.
_STRETCH_PIXELS = 1 << 18


def stretch(image: np.ndarray) -> np.ndarray:
    """Return a contrast-stretched copy for display.

    image    (H, W), any real dtype; NaN and infinite pixels become black
    returns  (H, W) uint8; the 0.5th percentile is 0 and the 99.8th is 190, which is darker than the outlines
    """
    if image.ndim != 2:
        raise ValueError(f"image: expected 2 dimensions (H, W), found shape {image.shape}")
    if image.size == 0:
        return np.zeros(image.shape, np.uint8)
    values = image.astype(np.float32)
    step = int(np.sqrt(image.size / _STRETCH_PIXELS)) or 1
    # Float64 values that exceed float32 became infinite and are dropped here, too.
    seen = values[::step, ::step]
    seen = seen[np.isfinite(seen)]
    if seen.size == 0:
        return np.zeros(image.shape, np.uint8)
    low, high = np.percentile(seen, (0.5, 99.8))
    if high <= low:  # nearly all pixels are equal, so use the full range
        low, high = seen.min(), seen.max()
    scale = _BRIGHTEST / (high - low) if high > low else 0.0
    values = np.nan_to_num(values, copy=False, nan=low, posinf=high, neginf=low)
    return np.clip((values - low) * scale + 0.5, 0, _BRIGHTEST).astype(np.uint8)


def inner_boundaries(labels: np.ndarray) -> np.ndarray:
    """Return the object pixels that have a 4-neighbour with another id: one pixel wide, inside each object.

    labels   (H, W) integers, 0 = background
    returns  (H, W) bool. Two touching objects have one line each, so they can be told apart. The border of
             the image is not a boundary.
    """
    boundary = np.zeros(labels.shape, bool)
    down = labels[1:] != labels[:-1]
    right = labels[:, 1:] != labels[:, :-1]
    boundary[1:] |= down
    boundary[:-1] |= down
    boundary[:, 1:] |= right
    boundary[:, :-1] |= right
    boundary &= labels != 0
    return boundary


def overlay(image: np.ndarray, labels: np.ndarray, truth: np.ndarray | None = None) -> np.ndarray:
    """Draw the image in gray with the outline of every instance.

    image    (H, W), any real dtype
    labels   (H, W) integers, 0 = background: the prediction, outlined in sky blue
    truth    (H, W) integers, optional: outlined in orange, or in white where both outlines coincide
    returns  (H, W, 3) uint8
    Raises ValueError if the shapes differ or are not two-dimensional.
    """
    gray = stretch(image)
    picture = np.repeat(gray[:, :, None], 3, axis=2)
    outlines = {"labels": labels} if truth is None else {"labels": labels, "truth": truth}
    for name, array in outlines.items():
        if array.shape != image.shape:
            raise ValueError(f"{name}: expected the image's shape {image.shape}, found {array.shape}")
    found = inner_boundaries(labels)
    picture[found] = PREDICTION
    if truth is not None:
        true = inner_boundaries(truth)
        picture[true] = TRUTH
        picture[true & found] = BOTH
    return picture
