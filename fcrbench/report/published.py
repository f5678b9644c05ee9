"""Figures of the FCRNet paper that a report shows beside those of a run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """One row of the paper's Table 1. `parameters` in millions, as printed there."""

    method: str
    dice2: float
    aji: float
    f1: float
    pq: float
    parameters: float


DATASET = "BBBC006"
IMAGES = 164
# The text of the paper says "about 5" for the post-processing of FCRNet outputs.
POSTPROCESS_IMAGES_PER_SECOND = 5

TABLE_1 = (
    PublishedRow("DCAN", 0.6341, 0.4748, 0.9059, 0.4887, 28.0),
    PublishedRow("Discriminative Loss", 0.7594, 0.6763, 0.8582, 0.7458, 2.6),
    PublishedRow("Harmonic Embedding", 0.7305, 0.6768, 0.9574, 0.6827, 43.0),
    PublishedRow("FCRNet_3", 0.7035, 0.7171, 0.9232, 0.7350, 2.7),
    PublishedRow("FCRNet_10", 0.6733, 0.6271, 0.7970, 0.6596, 2.7),
    PublishedRow("FCRNet", 0.7136, 0.7513, 0.9294, 0.7753, 2.7),
)
