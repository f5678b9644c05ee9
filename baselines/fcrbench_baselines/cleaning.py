"""The last step of every decoder here: drop instances that are too small or uncertain, and fill holes."""

import numpy as np
from numpy.typing import NDArray

from fcrbench.methods.options import CleaningOptions
from fcrbench.postprocess import fill_holes, margin, remove_small


def clean_labels(
    labels: NDArray[np.int32], evidence: NDArray[np.float32], options: CleaningOptions
) -> NDArray[np.int32]:
    """Apply the options to a label image (H, W), 0 = background; ids become 1..n in raster order.

    evidence  (H, W), the log odds that a pixel belongs to an object, or a similar measure
    """
    margins = None
    if options.min_margin:
        margins = margin(np.stack([np.zeros_like(evidence), evidence]), background=0)
    kept = remove_small(
        labels, options.min_size, options.border_size, options.min_margin, options.sure_size, margin=margins
    )
    return fill_holes(kept) if options.fill_holes else kept
