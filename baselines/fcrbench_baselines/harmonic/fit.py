"""Fits the guide functions to the objects of a data set before training (Section 3.1)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class ObjectProfiles:
    """The distribution of the pixels of M objects along each axis.

    along     (2, M, L) float32, the fraction of an object's pixels in each column, and in each row
    pairs     (2, P) int64, all pairs of objects of one image
    image     (M,) int64, the image of each object
    """

    along: Tensor
    pairs: Tensor
    image: Tensor

    @classmethod
    def from_labels(cls, images: Sequence[np.ndarray]) -> "ObjectProfiles":
        """Compute the profiles of the objects of label images (H, W), 0 = background, ids 1..n in each."""
        length = max((max(labels.shape) for labels in images), default=1)
        along: list[np.ndarray] = []
        pairs: list[np.ndarray] = []
        count = 0
        for labels in images:
            n = int(labels.max(initial=0))
            y, x = np.nonzero(labels)
            owner = labels[y, x].astype(np.int64) - 1
            size = np.bincount(owner, minlength=n)[:, None]
            columns, rows = (
                np.bincount(owner * length + position, minlength=n * length).reshape(n, length) / size
                for position in (x, y)
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


def object_means(profiles: ObjectProfiles, frequency: Tensor, phase: Tensor, origin: Tensor) -> Tensor:
    """Return the mean over each object of sin(f_j (t + o) + c_j), (M, 2 J); t is a coordinate.

    frequency   (2, J), radians per pixel, along x and along y
    phase       (2, J), radians
    origin      (M, 2), added to the coordinates x and y of an object; pixels

    The mean of a function of one coordinate over an object's pixels is its mean over the profile. So this is
    exact, and a hundred times faster than a sum over pixels.
    """
    position = torch.arange(profiles.along.shape[2])
    angle = frequency[:, None, :] * position[None, :, None]  # (2, L, J)
    sine, cosine = profiles.along @ angle.sin(), profiles.along @ angle.cos()  # (2, M, J)
    start = frequency[:, None, :] * origin.T[:, :, None] + phase[:, None, :]
    return (sine * start.cos() + cosine * start.sin()).transpose(0, 1).flatten(1)


def separation_loss(means: Tensor, profiles: ObjectProfiles, epsilon: float) -> Tensor:
    """Return the hinge loss that separates objects from each other and from the background.

    It is the mean over pairs of [epsilon^2 - ||m_i - m_j||^2]_+, plus the mean over objects of the same with
    m_j = 0, the embedding of the background.
    """
    apart = (means[profiles.pairs[0]] - means[profiles.pairs[1]]).square().sum(dim=1)
    background = means.square().sum(dim=1)
    return (epsilon**2 - apart).clamp_min(0).mean() + (epsilon**2 - background).clamp_min(0).mean()


def initial_coefficients(
    count: int, periods: tuple[float, float], quadrature: bool, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw initial frequencies and phases (2, J). Frequencies are uniform between those of the periods."""
    number = count // 4 if quadrature else count // 2
    low, high = 2 * torch.pi / periods[1], 2 * torch.pi / periods[0]
    # One in each of `number` equal parts of the range, because two equal frequencies would be redundant.
    part = torch.arange(number) + torch.rand(2, number, generator=generator)
    frequency = low + (high - low) * part / number
    phase = torch.rand(2, number, generator=generator) * (2 * torch.pi)
    return frequency, torch.zeros_like(phase) if quadrature else phase


def fit_guides(
    images: Sequence[np.ndarray],
    count: int,
    periods: tuple[float, float],
    epsilon: float,
    *,
    quadrature: bool,
    steps: int,
    generator: torch.Generator,
    max_origin: float,
) -> Tensor:
    """Fit the coefficients (3, count) of guide functions that place the objects of an image `epsilon` apart.

    images       (H, W) label images, 0 = background, ids 1..n in each
    periods      shortest and longest period of a function; pixels
    quadrature   use a sine and a cosine of each frequency; otherwise phases are free
    max_origin   origins of the coordinates are drawn from [0, max_origin); pixels

    Half of the functions vary along x, half along y. Unlike the authors' code, this omits the mean of the
    background and includes the last object.
    """
    profiles = ObjectProfiles.from_labels(images)
    frequency, phase = initial_coefficients(count, periods, quadrature, generator)
    if len(profiles.pairs[0]):
        # Frequencies are a few hundredths. Fitting their logarithm allows one step size for both tensors.
        limits = [math.log(2 * math.pi / period) for period in reversed(periods)]
        scale, shift = frequency.log().requires_grad_(), phase.requires_grad_(not quadrature)
        # The mean hinge is small, so plain descent stays near the start once nearly all pairs are separated.
        optimiser = torch.optim.SGD([scale] if quadrature else [scale, shift], lr=30)
        for _ in range(steps):
            origin = max_origin * torch.rand(len(images), 2, generator=generator)
            frequency, phase = _add_cosines(scale.exp(), shift, quadrature)
            means = object_means(profiles, frequency, phase, origin[profiles.image])
            loss = separation_loss(means, profiles, epsilon)
            if float(loss.detach()) == 0:
                continue  # all objects are separated for these origins, but perhaps not for others
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                scale.clamp_(*limits)
        frequency, phase = scale.detach().exp(), shift.detach()
    frequency, phase = _add_cosines(frequency, phase, quadrature)
    coefficients = torch.zeros(3, count)
    half = count // 2
    coefficients[0, :half], coefficients[1, half:] = frequency
    coefficients[2] = phase.flatten()
    return coefficients


def _add_cosines(frequency: Tensor, phase: Tensor, quadrature: bool) -> tuple[Tensor, Tensor]:
    """With `quadrature`, add a cosine of each frequency."""
    if not quadrature:
        return frequency, phase
    return torch.cat([frequency, frequency], dim=1), torch.cat([phase, phase + torch.pi / 2], dim=1)
