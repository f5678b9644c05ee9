"""Drawn nuclei with exact truth: for trying things out and for tests, never for accuracy claims."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fcrbench.datasets.base import Dataset, DatasetSpec
from fcrbench.datasets.relabel import consecutive
from fcrbench.errors import UsageError

_TRIES = 30  # places tried for one nucleus before it is left out
_MIN_SHARE = 0.7  # of a nucleus's outline that must be free: touching neighbours dent it, no more
_MIN_AREA = 12  # pixels
_BACKGROUND, _BRIGHTNESS, _TOP = 150.0, 600.0, 4095  # as a 12-bit camera sees it


@dataclass(frozen=True)
class Options:
    """
    n_train, n_val  number of fields of each split
    size            rows and columns of a field, an integer or (rows, columns)
    n_nuclei        nuclei a field; fewer where they do not fit
    radius          mean radius in pixels
    touching        share of nuclei placed against another one, 0 to 1
    blur            standard deviation of the blur in pixels
    noise           strength of the noise; 1 is photon noise plus a read noise of 5 gray levels, 0 none
    seed            of everything
    """

    n_train: int = 32
    n_val: int = 8
    size: int | tuple[int, int] = 256
    n_nuclei: int = 40
    radius: float = 10.0
    touching: float = 0.5
    blur: float = 1.5
    noise: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for option, value, low in (
            ("n_train", self.n_train, 0),
            ("n_val", self.n_val, 0),
            ("size", min(self.shape), 16),
            ("n_nuclei", self.n_nuclei, 0),
            ("radius", self.radius, 3),
            ("touching", self.touching, 0),
            ("blur", self.blur, 0),
            ("noise", self.noise, 0),
        ):
            if not value >= low:
                raise UsageError(f"{option} is {value}, expected at least {low}")
        if self.touching > 1:
            raise UsageError(f"touching is {self.touching}, expected 0 to 1")
        if self.n_train + self.n_val == 0:
            raise UsageError("n_train and n_val are both 0, expected at least one field")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a field."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size


SPEC = DatasetSpec(
    name="synthetic",
    title="drawn nuclei: touching, blurred, noisy, with exact truth; for trials and tests",
    licence="yours: drawn on your machine",
    citation="none",
    source="fcrbench itself",
    needs_root=False,
    how_to_get="nothing to do: drawn when needed",
    factory="fcrbench.datasets.synthetic:SyntheticDataset",
    options=Options,
)


class SyntheticDataset(Dataset):
    """Bent ellipses, many of them touching, with texture, blur, uneven light and camera noise; uint16.

    A field depends on the options and its id alone. Every object is one 4-connected piece.
    """

    spec = SPEC
    options: Options

    def list_splits(self) -> Mapping[str, tuple[str, ...]]:
        """As many ids as the options say."""
        return {
            split: tuple(f"synthetic-{split}-{i:04d}" for i in range(count))
            for split, count in (("train", self.options.n_train), ("val", self.options.n_val))
        }

    def read(self, sample_id: str) -> tuple[np.ndarray, np.ndarray]:
        """Draw one field."""
        chosen = self.options
        digest = hashlib.sha256(f"{chosen.seed}:{sample_id}".encode()).digest()
        rng = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
        # The image takes one random brightness for each number, so the numbers come first.
        labels = consecutive(
            draw_labels(rng, chosen.shape, chosen.n_nuclei, float(chosen.radius), chosen.touching)
        )
        return draw_image(rng, labels, chosen.blur, chosen.noise), labels


def draw_labels(
    rng: np.random.Generator, shape: tuple[int, int], n_nuclei: int, radius: float, touching: float
) -> np.ndarray:
    """Place nuclei one after another; a new one gets the free pixels of its outline. (H, W) int32."""
    from scipy import ndimage

    labels = np.zeros(shape, dtype=np.int32)
    centres: list[tuple[float, float, float]] = []  # row, column, mean radius
    for _ in range(n_nuclei):
        mean = radius * rng.uniform(0.75, 1.3)
        for _ in range(_TRIES):
            row, column = _place(rng, shape, mean, centres, touching)
            window, inside = _outline(rng, shape, row, column, mean)
            free = inside & (labels[window] == 0)
            if free.sum() < max(_MIN_SHARE * inside.sum(), _MIN_AREA):
                continue
            pieces, n = ndimage.label(free)
            if n > 1:  # an older neighbour cut it: keep the largest piece
                free = pieces == 1 + int(np.argmax(np.bincount(pieces.reshape(-1))[1:]))
            if free.sum() < _MIN_AREA:
                continue
            centres.append((row, column, mean))
            labels[window][free] = len(centres)
            break
    return labels


def draw_image(rng: np.random.Generator, labels: np.ndarray, blur: float, noise: float) -> np.ndarray:
    """Labels (H, W) to the picture a camera would take of them, uint16 of 12 bits."""
    from scipy.ndimage import gaussian_filter

    brightness = _BRIGHTNESS * rng.lognormal(0.0, 0.35, int(labels.max(initial=0)) + 1)
    brightness[0] = 0.0
    texture = gaussian_filter(rng.standard_normal(labels.shape), 2.0)
    light = brightness[labels] * (1 + 1.2 * texture)
    rows, columns = (np.linspace(-1, 1, n) for n in labels.shape)
    tilt = 1 + 0.15 * (rng.uniform(-1, 1) * rows[:, None] + rng.uniform(-1, 1) * columns[None, :])
    light = gaussian_filter(light, blur) * tilt + _BACKGROUND
    if noise > 0:
        photons = rng.poisson(np.maximum(light, 0) / noise**2) * noise**2
        light = photons + rng.normal(0.0, 5.0 * noise, labels.shape)
    return np.clip(np.rint(light), 0, _TOP).astype(np.uint16)


def _place(
    rng: np.random.Generator,
    shape: tuple[int, int],
    mean: float,
    centres: list[tuple[float, float, float]],
    touching: float,
) -> tuple[float, float]:
    if centres and rng.random() < touching:
        row, column, other = centres[rng.integers(len(centres))]
        angle, distance = rng.uniform(0, 2 * np.pi), (mean + other) * rng.uniform(0.85, 1.0)
        row, column = row + distance * np.sin(angle), column + distance * np.cos(angle)
        return float(np.clip(row, 0, shape[0] - 1)), float(np.clip(column, 0, shape[1] - 1))
    return rng.uniform(0, shape[0] - 1), rng.uniform(0, shape[1] - 1)


def _outline(
    rng: np.random.Generator, shape: tuple[int, int], row: float, column: float, mean: float
) -> tuple[tuple[slice, slice], np.ndarray]:
    """A window of the field, and which of its pixels lie inside a bent ellipse around (row, column)."""
    reach = int(np.ceil(1.7 * mean)) + 1
    window = (
        slice(max(int(row) - reach, 0), min(int(row) + reach + 1, shape[0])),
        slice(max(int(column) - reach, 0), min(int(column) + reach + 1, shape[1])),
    )
    y = np.arange(window[0].start, window[0].stop)[:, None] - row
    x = np.arange(window[1].start, window[1].stop)[None, :] - column
    angle, stretch = rng.uniform(0, np.pi), rng.uniform(1.0, 1.35)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    direction = np.arctan2(across, along)
    bend = sum(rng.normal(0, 0.06) * np.cos(k * direction + rng.uniform(0, 2 * np.pi)) for k in (2, 3, 4))
    return window, np.hypot(along / stretch, across * stretch) <= mean * (1 + np.clip(bend, -0.2, 0.2))
