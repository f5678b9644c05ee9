"""Images as 8-bit gray and instances as thin outlines. NumPy only."""

import numpy as np

# Okabe & Ito's colours keep apart for every common kind of colour blindness, also on gray.
TRUTH = (230, 159, 0)  # orange
PREDICTION = (86, 180, 233)  # sky blue
BOTH = (255, 255, 255)

# The brightest gray: below white, so that white outlines show on saturated nuclei.
_BRIGHTEST = 190
# Percentiles are read from at most about this many pixels; more do not change the picture.
_STRETCH_PIXELS = 1 << 18


def stretch(image: np.ndarray) -> np.ndarray:
    """Contrast-stretched copy for display.

    image    (H, W), any real dtype; not-a-number and infinite pixels become black
    returns  (H, W) uint8; the 0.5th percentile is 0 and the 99.8th is 190, the outlines stay brighter
    """
    if image.ndim != 2:
        raise ValueError(f"image: expected 2 dimensions (H, W), found shape {image.shape}")
    if image.size == 0:
        return np.zeros(image.shape, np.uint8)
    values = image.astype(np.float32)
    step = int(np.sqrt(image.size / _STRETCH_PIXELS)) or 1
    # Float64 input beyond float32 overflows to infinity here and is dropped with the rest.
    seen = values[::step, ::step]
    seen = seen[np.isfinite(seen)]
    if seen.size == 0:
        return np.zeros(image.shape, np.uint8)
    low, high = np.percentile(seen, (0.5, 99.8))
    if high <= low:  # nearly all pixels are equal: show whatever range there is
        low, high = seen.min(), seen.max()
    scale = _BRIGHTEST / (high - low) if high > low else 0.0
    values = np.nan_to_num(values, copy=False, nan=low, posinf=high, neginf=low)
    return np.clip((values - low) * scale + 0.5, 0, _BRIGHTEST).astype(np.uint8)


def inner_boundaries(labels: np.ndarray) -> np.ndarray:
    """Pixels of objects with a 4-neighbour of another id: one pixel wide, inside each object.

    labels   (H, W) integers, 0 = background
    returns  (H, W) bool. Two touching objects get one line each, so they stay apart. The image's border
             is not a boundary.
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
    """The image in gray with the outline of every instance.

    image    (H, W), any real dtype
    labels   (H, W) integers, 0 = background: the prediction, outlined in sky blue
    truth    (H, W) integers, optional: outlined in orange; white where both outlines coincide
    returns  (H, W, 3) uint8
    Raises ValueError when the shapes differ or are not two-dimensional.
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
