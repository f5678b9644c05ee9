"""Fits the guide functions to the objects of a data set, before there is a network (Section 3.1)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Profiles:
    """Where the pixels of M objects lie, along each axis alone.

    along     (2, M, L) float32, share of an object's pixels in each column, and in each row
    pairs     (2, P) int64, all pairs of objects of one image
    image     (M,) int64, the image of each object
    """

    along: Tensor
    pairs: Tensor
    image: Tensor

    @classmethod
    def of(cls, images: Sequence[np.ndarray]) -> "Profiles":
        """Objects of label images (H, W), 0 = background, each 1..n."""
        length = max((max(labels.shape) for labels in images), default=1)
        along: list[np.ndarray] = []
        pairs: list[np.ndarray] = []
        count = 0
        for labels in images:
            n = int(labels.max(initial=0))
            y, x = np.nonzero(labels)
            of = labels[y, x].astype(np.int64) - 1
            size = np.bincount(of, minlength=n)[:, None]
            columns, rows = (
                np.bincount(of * length + place, minlength=n * length).reshape(n, length) / size
                for place in (x, y)
            )
            along.append(np.stack([columns, rows]).astype(np.float32))
            pairs.append(np.stack(np.triu_indices(n, 1)).astype(np.int64) + count)
            count += n
        image = np.repeat(np.arange(len(along)), [part.shape[1] for part in along])
        if not along:
            along, pairs = [np.zeros((2, 0, 1), np.float32)], [np.zeros((2, 0), np.int64)]
        return cls(
            torch.from_numpy(np.concatenate(along, axis=1)),
            torch.from_numpy(np.concatenate(pairs, axis=1)),
            torch.from_numpy(image.astype(np.int64)),
        )


def object_means(profiles: Profiles, frequency: Tensor, phase: Tensor, origin: Tensor) -> Tensor:
    """Mean over each object of sin(f_j (t + o) + c_j), t the coordinate along the axis: (M, 2 J).

    frequency   (2, J), radians per pixel, along x and along y
    phase       (2, J), radians
    origin      (M, 2), what is added to the coordinates x and y of an object; pixels

    A function of one coordinate has the same mean over an object's pixels as over its profile, so this
    is exact, and a hundred times cheaper than a sum over pixels.
    """
    place = torch.arange(profiles.along.shape[2])
    turn = frequency[:, None, :] * place[None, :, None]  # (2, L, J)
    sine, cosine = profiles.along @ turn.sin(), profiles.along @ turn.cos()  # (2, M, J)
    start = frequency[:, None, :] * origin.T[:, :, None] + phase[:, None, :]
    return (sine * start.cos() + cosine * start.sin()).transpose(0, 1).flatten(1)


def separation_loss(means: Tensor, profiles: Profiles, epsilon: float) -> Tensor:
    """Hinge: the mean over pairs of [epsilon^2 - ||m_i - m_j||^2]_+, and over objects of the same with 0.

    0 is the embedding of the background, which every object must be as far from.
    """
    apart = (means[profiles.pairs[0]] - means[profiles.pairs[1]]).square().sum(dim=1)
    background = means.square().sum(dim=1)
    return (epsilon**2 - apart).clamp_min(0).mean() + (epsilon**2 - background).clamp_min(0).mean()


def start(
    count: int, periods: tuple[float, float], quadrature: bool, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Frequencies and phases (2, J) to start from: frequencies uniform between those of the periods."""
    number = count // 4 if quadrature else count // 2
    low, high = 2 * torch.pi / periods[1], 2 * torch.pi / periods[0]
    # One in each of `number` equal parts of the range: two equal frequencies would add nothing.
    part = torch.arange(number) + torch.rand(2, number, generator=generator)
    frequency = low + (high - low) * part / number
    phase = torch.rand(2, number, generator=generator) * (2 * torch.pi)
    return frequency, torch.zeros_like(phase) if quadrature else phase


def fit(
    images: Sequence[np.ndarray],
    count: int,
    periods: tuple[float, float],
    epsilon: float,
    *,
    quadrature: bool,
    steps: int,
    generator: torch.Generator,
    farthest_origin: float,
) -> Tensor:
    """Coefficients (3, count) of guide functions by which the objects of each image are `epsilon` apart.

    images            (H, W) label images, 0 = background, each 1..n
    periods           shortest and longest period of a function; pixels
    quadrature        a sine and a cosine of each frequency; else free phases
    farthest_origin   origins of the coordinates are drawn from [0, farthest_origin); pixels

    Half of the functions vary along x, half along y. Unlike the authors' code this leaves out the
    background's mean and includes the last object.
    """
    profiles = Profiles.of(images)
    frequency, phase = start(count, periods, quadrature, generator)
    if len(profiles.pairs[0]):
        # Frequencies are some hundredths: their logarithm is fitted, so that one step size serves both.
        limits = [math.log(2 * math.pi / period) for period in reversed(periods)]
        scale, shift = frequency.log().requires_grad_(), phase.requires_grad_(not quadrature)
        # The mean hinge is small: plain descent stays near the start once nearly all pairs are apart.
        optimiser = torch.optim.SGD([scale] if quadrature else [scale, shift], lr=30)
        for _ in range(steps):
            origin = farthest_origin * torch.rand(len(images), 2, generator=generator)
            frequency, phase = _both(scale.exp(), shift, quadrature)
            means = object_means(profiles, frequency, phase, origin[profiles.image])
            loss = separation_loss(means, profiles, epsilon)
            if float(loss.detach()) == 0:
                continue  # enough for these origins, not yet for all
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                scale.clamp_(*limits)
        frequency, phase = scale.detach().exp(), shift.detach()
    frequency, phase = _both(frequency, phase, quadrature)
    coefficients = torch.zeros(3, count)
    half = count // 2
    coefficients[0, :half], coefficients[1, half:] = frequency
    coefficients[2] = phase.flatten()
    return coefficients


def _both(frequency: Tensor, phase: Tensor, quadrature: bool) -> tuple[Tensor, Tensor]:
    """Each frequency twice, once with a cosine, where sines and cosines go together."""
    if not quadrature:
        return frequency, phase
    return torch.cat([frequency, frequency], dim=1), torch.cat([phase, phase + torch.pi / 2], dim=1)
