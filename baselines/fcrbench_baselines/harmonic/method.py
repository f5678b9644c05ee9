"""Harmonic Embedding (Kulikov & Lempitsky 2020) as a method of fcrbench."""

from collections.abc import Iterable
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from fcrbench.methods.base import Method
from fcrbench.methods.intensity import sqrt_intensity
from fcrbench_baselines.cleaning import clean_labels
from fcrbench_baselines.harmonic.fit import fit_guides
from fcrbench_baselines.harmonic.loss import HarmonicLoss
from fcrbench_baselines.harmonic.model import LEVELS, MAX_ORIGIN, HarmonicUNet, Output
from fcrbench_baselines.harmonic.spec import HarmonicOptions
from fcrbench_baselines.mean_shift.decode import cluster

FITTED_CROPS = 64  # number of crops to which guide functions are fitted
# With foreground "norm", a pixel is foreground if its embedding is longer than this fraction of the length of
# the guide values at the pixel.
MIN_FOREGROUND_LENGTH = 0.4


class Harmonic(Method):
    """See HarmonicOptions for the options."""

    options: HarmonicOptions

    def __init__(self, options: HarmonicOptions) -> None:
        super().__init__(options)
        self.stride = 2**LEVELS * options.downscale

    def build(self) -> nn.Module:
        o = self.options
        return HarmonicUNet(
            o.guides,
            foreground=o.foreground == "head",
            downscale=o.downscale,
            filters=o.filters,
            align_corners=o.align_corners,
        )

    def prepare(self, network: nn.Module, labels: Iterable[np.ndarray]) -> None:
        """Fit the guide functions to the objects of the first crops."""
        o = self.options
        assert isinstance(network, HarmonicUNet)
        network.guides.coefficients.copy_(
            fit_guides(
                list(islice(labels, FITTED_CROPS)),
                o.guides,
                o.periods,
                o.epsilon,
                quadrature=o.phases == "quadrature",
                steps=o.fit_steps,
                generator=torch.default_generator,
                max_origin=MAX_ORIGIN,
            )
        )

    def losses(self, output: Output, labels: np.ndarray, progress: float) -> dict[str, Tensor]:
        o = self.options
        return HarmonicLoss(o.object_weight, o.edge_weight)(output, labels)

    def scores(self, output: Output) -> Tensor:
        embedding = output.embedding.float()
        foreground = output.foreground.float()
        if self.options.foreground == "norm":
            length = embedding.norm(dim=1, keepdim=True)
            foreground = length - MIN_FOREGROUND_LENGTH * output.guides.norm(dim=1, keepdim=True)
        return torch.cat([embedding, foreground], dim=1)

    def postprocess(self, scores: np.ndarray) -> np.ndarray:
        o = self.options
        labels = cluster(
            scores[:-1],
            scores[-1] > 0,
            o.bandwidth,
            by_component=o.by_component,
            join_contact=o.join_contact,
        )
        return clean_labels(labels, scores[-1], o)

    def normalize(self, image: np.ndarray) -> np.ndarray:
        return super().normalize(sqrt_intensity(image) if self.options.intensity == "root" else image)
