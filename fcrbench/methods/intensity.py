"""Intensity transforms that several methods offer."""

import numpy as np


def root(image: np.ndarray) -> np.ndarray:
    """Square root of what is above the 1st percentile of an image (H, W) of any numeric dtype, as float32.

    Dim nuclei then count beside bright ones, and shot noise is about as strong everywhere.
    """
    image = image.astype(np.float32)
    return np.sqrt(np.maximum(image - np.float32(np.percentile(image, 1)), 0))
