"""Intensity transforms that several methods offer as an option."""

import numpy as np


def sqrt_intensity(image: np.ndarray) -> np.ndarray:
    """Subtract the 1st percentile of an image (H, W), clip at 0 and return the square root as float32.

    This lifts dim nuclei relative to bright ones, and makes shot noise about equally strong everywhere.
    """
    image = image.astype(np.float32)
    return np.sqrt(np.maximum(image - np.float32(np.percentile(image, 1)), 0))
