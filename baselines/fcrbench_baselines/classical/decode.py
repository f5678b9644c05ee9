"""Segments an image without training: threshold, distance transform and watershed."""

import numpy as np
from scipy.ndimage import binary_fill_holes, distance_transform_edt, gaussian_filter
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.segmentation import watershed

from fcrbench.postprocess import remove_small


def segment(
    image: np.ndarray,
    *,
    smoothing: float,
    distance_smoothing: float,
    min_distance: int,
    min_size: int,
    min_contrast: float,
) -> np.ndarray:
    """Segment an image (H, W) float32 into instances (H, W) int32, 0 = background; see ClassicalOptions.

    Otsu's threshold gives the foreground. The seeds are the maxima of the (smoothed) distance to the
    background, and the watershed of the negative distance from these seeds gives the instances.
    """
    if smoothing:
        image = gaussian_filter(image, smoothing)
    foreground = binary_fill_holes(_find_foreground(image, min_contrast))
    distance = distance_transform_edt(foreground)
    if distance_smoothing:
        distance = gaussian_filter(distance, distance_smoothing)
    seeds = np.zeros(foreground.shape, np.int32)
    peaks = peak_local_max(
        distance, min_distance=min_distance, labels=label(foreground), exclude_border=False
    )
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return remove_small(watershed(-distance, seeds, mask=foreground), min_size)


def _find_foreground(image: np.ndarray, min_contrast: float) -> np.ndarray:
    """Return the pixels above Otsu's threshold, or none if the two sides of the threshold hardly differ."""
    if image.size == 0 or image.min() == image.max():
        return np.zeros(image.shape, bool)
    bright: np.ndarray = image > threshold_otsu(image)
    dark = image[~bright]
    if image[bright].mean() - dark.mean() < min_contrast * dark.std():
        return np.zeros(image.shape, bool)
    return bright
