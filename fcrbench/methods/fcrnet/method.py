"""FCRNet (Cao & Yan): the network colours pixels, and each connected component of a colour is an instance."""

import numpy as np
from torch import Tensor, nn

from fcrbench import postprocess
from fcrbench.methods.base import Method
from fcrbench.methods.fcrnet.loss import EPSILON, ColoringLoss, SimilarityLoss, power_normalise
from fcrbench.methods.fcrnet.model import LEVELS, UNet
from fcrbench.methods.fcrnet.spec import FCRNetOptions
from fcrbench.methods.fcrnet.targets import find_objects
from fcrbench.methods.intensity import sqrt_intensity
from fcrbench.postprocess import InstanceRules


class FCRNet(Method):
    """See FCRNetOptions for the options. `losses` and `scores` depend on the option `loss`."""

    stride = 2**LEVELS
    options: FCRNetOptions

    def build(self) -> nn.Module:
        o = self.options
        return UNet(o.colors, o.filters, o.batch_norm, o.block)

    def normalize(self, image: np.ndarray) -> np.ndarray:
        return super().normalize(sqrt_intensity(image) if self.options.intensity == "root" else image)

    def losses(self, output: Tensor, labels: np.ndarray, progress: float) -> dict[str, Tensor]:
        o = self.options
        objects = find_objects(labels, o.neighbour_distance, output.device)
        if o.loss == "similarity":
            h = power_normalise(output, self.alpha(progress))
            return SimilarityLoss(o.inter_weight, o.similarity, o.intra_mean, o.inter_mean)(h, objects)
        return ColoringLoss(o.inter_weight, o.color_cost)(output, objects)

    def alpha(self, progress: float) -> float:
        """Return the power of Eq. 4 at this progress of the training, in stages of equal length."""
        stages = self.options.alpha
        return stages[min(int(progress * len(stages)), len(stages) - 1)]

    def scores(self, output: Tensor) -> Tensor:
        if self.options.loss == "similarity":
            return power_normalise(output, self.options.alpha[-1]).clamp_min(EPSILON).log()
        return output.float()

    def postprocess(self, scores: np.ndarray) -> np.ndarray:
        return postprocess.instances(scores, self.rules())

    def rules(self) -> InstanceRules:
        return self.options.rules()
