"""Mean shift of the embeddings in each connected component of the foreground.

Few seeds and an exact short cut make it fast. A window that is centred on a pixel and holds the whole
component ends at its mean; so a component whose embeddings all lie within half a bandwidth of their mean
is one cluster, and most are. In the others, a pixel inside the window of a mode that was found before
needs no mean shift of its own.
"""

from typing import Any

import numpy as np
from numba import njit

# Sums may be reordered, which lets them be computed 8 or 16 pixels at a time.
_OPTIONS: dict[str, Any] = {
    "cache": True,
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract"},
}
MAX_SEEDS = 1024  # of a component: bounds the time where embeddings are noise
MAX_SHIFTS = 100
CONVERGED = 1e-3  # of the bandwidth, as in scikit-learn


@njit(**_OPTIONS)
def _distances(points: np.ndarray, n: int, centre: np.ndarray, out: np.ndarray) -> None:
    """Squared distances of points (N, >= n) from centre (N,)."""
    for i in range(n):
        out[i] = 0
    for k in range(centre.size):
        value = centre[k]
        for i in range(n):
            difference = points[k, i] - value
            out[i] += difference * difference


@njit(**_OPTIONS)
def _window_mean(points: np.ndarray, n: int, inside: np.ndarray, out: np.ndarray) -> np.float32:
    """Mean of the points where inside (n,) is 1, else 0; returns their number."""
    number = np.float32(0)
    for i in range(n):
        number += inside[i]
    for k in range(out.size):
        total = np.float32(0)
        for i in range(n):
            total += points[k, i] * inside[i]
        out[k] = total / number
    return number


@njit(**_OPTIONS)
def _shift(
    points: np.ndarray, n: int, mode: np.ndarray, bandwidth: float, distance: np.ndarray, inside: np.ndarray
) -> np.float32:
    """Move `mode` to the mean of the points within `bandwidth` until it rests; returns their number.

    distance   (n,), afterwards the squared distances from the mode
    """
    square = np.float32(bandwidth * bandwidth)
    before = np.empty_like(mode)
    number = np.float32(0)
    for _ in range(MAX_SHIFTS):
        _distances(points, n, mode, distance)
        for i in range(n):
            inside[i] = np.float32(1) if distance[i] <= square else np.float32(0)
        before[:] = mode
        number = _window_mean(points, n, inside, mode)
        moved = np.float32(0)
        for k in range(mode.size):
            moved += (mode[k] - before[k]) ** 2
        if moved <= (CONVERGED * bandwidth) ** 2:
            break
    _distances(points, n, mode, distance)
    return number


@njit(**_OPTIONS)
def cluster(
    embedding: np.ndarray,
    pixels: np.ndarray,
    first: np.ndarray,
    bandwidth: float,
    min_size: int,
    out: np.ndarray,
) -> None:
    """Clusters of the embeddings within each component; see decode.cluster for the definition.

    embedding   (N, H * W) float32
    pixels, first   as `grouping.group_pixels` returns them
    out             (H * W,) int32 of zeros; gets the ids of the clusters, from 1
    """
    channels = embedding.shape[0]
    largest = 0
    for c in range(first.size - 1):
        largest = max(largest, first[c + 1] - first[c])
    points = np.empty((channels, largest), np.float32)
    distance = np.empty(largest, np.float32)
    inside = np.empty(largest, np.float32)
    best = np.empty(largest, np.float32)
    mode = np.empty(channels, np.float32)
    done = np.empty(largest, np.bool_)
    capacity = 16
    modes = np.empty((capacity, channels), np.float32)
    support = np.empty(capacity, np.float32)
    square = np.float32(bandwidth * bandwidth)
    ids = 0
    for c in range(first.size - 1):
        n = first[c + 1] - first[c]
        own = pixels[first[c] : first[c + 1]]
        for k in range(channels):
            for i in range(n):
                points[k, i] = embedding[k, own[i]]
        for i in range(n):
            inside[i] = 1
        _window_mean(points, n, inside, mode)
        _distances(points, n, mode, distance)
        farthest = np.float32(0)
        for i in range(n):
            farthest = max(farthest, distance[i])
        if farthest <= square / 4:
            ids += 1
            for i in range(n):
                out[own[i]] = ids
            continue

        found = 0
        seeds = 0
        for i in range(n):
            done[i] = False
        for seed in range(n):
            if done[seed]:
                continue
            if seeds == MAX_SEEDS:
                break
            seeds += 1
            done[seed] = True
            for k in range(channels):
                mode[k] = points[k, seed]
            number = _shift(points, n, mode, bandwidth, distance, inside)
            for i in range(n):
                done[i] = done[i] or distance[i] <= square
            known = False
            for j in range(found):
                apart = np.float32(0)
                for k in range(channels):
                    apart += (modes[j, k] - mode[k]) ** 2
                if apart <= square:
                    known = True
                    if number > support[j]:
                        support[j] = number
                        modes[j] = mode
                    break
            if known:
                continue
            if found == capacity:
                capacity *= 2
                more = np.empty((capacity, channels), np.float32)
                more[:found] = modes
                modes = more
                counts = np.empty(capacity, np.float32)
                counts[:found] = support
                support = counts
            modes[found] = mode
            support[found] = number
            found += 1

        strongest = np.float32(0)
        for j in range(found):
            strongest = max(strongest, support[j])
        for i in range(n):
            best[i] = np.inf
        for j in range(found):
            if support[j] < min(np.float32(min_size), strongest):
                continue
            ids += 1
            _distances(points, n, modes[j], distance)
            for i in range(n):
                if distance[i] < best[i]:
                    best[i] = distance[i]
                    out[own[i]] = ids
