"""The last step of every decoder here: what is too small or too unsure goes, holes are filled."""

import numpy as np
from numpy.typing import NDArray

from fcrbench.methods.options import CleaningOptions
from fcrbench.postprocess import fill_holes, margin, remove_small


def cleaned(
    labels: NDArray[np.int32], evidence: NDArray[np.float32], options: CleaningOptions
) -> NDArray[np.int32]:
    """Label image (H, W), 0 = background, without what the options drop, ids 1..n in raster order.

    evidence  (H, W), by how much each pixel is an object rather than background; log odds, where it has any
    """
    sure = None
    if options.min_margin:
        sure = margin(np.stack([np.zeros_like(evidence), evidence]), background=0)
    kept = remove_small(
        labels, options.min_size, options.border_size, options.min_margin, options.sure_size, margin=sure
    )
    return fill_holes(kept) if options.fill_holes else kept
