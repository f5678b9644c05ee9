"""The last step of every decoder here: what is too small or too unsure goes, holes are filled."""

import numpy as np
from numpy.typing import NDArray

from fcrbench.postprocess import fill_holes, margin, remove_small
from fcrbench_baselines.rules import CleaningRules


def cleaned(
    labels: NDArray[np.int32], evidence: NDArray[np.float32], rules: CleaningRules
) -> NDArray[np.int32]:
    """Label image (H, W), 0 = background, without what the rules drop, ids 1..n in raster order.

    evidence  (H, W), by how much each pixel is an object rather than background; log odds, where it has any
    """
    sure = None
    if rules.min_margin:
        sure = margin(np.stack([np.zeros_like(evidence), evidence]), background=0)
    kept = remove_small(
        labels, rules.min_size, rules.border_size, rules.min_margin, rules.sure_size, margin=sure
    )
    return fill_holes(kept) if rules.fill_holes else kept
