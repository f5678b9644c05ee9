"""Mean shift over the pixels of an image in Numba, without checks of arguments; `decode` has the API.

Pixels are rows of a C-contiguous (n, E) float32 array, where E is a multiple of LANES. They are in groups
that are clustered separately: group g has the rows starts[g] to starts[g + 1].
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

MAX_ITERATIONS = 100
LANES = 8  # number of features that are compared at a time
AXES = 4  # number of directions in which keys tell that pixels are far apart

jit = njit(cache=True, nogil=True, error_model="numpy")
# The compiler may reorder sums of squares, so that it can use vector instructions.
jit_reassociate = njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})


@jit
def group_pixels(groups: NDArray, n_groups: int) -> tuple[NDArray, NDArray]:
    """Return the flat positions (int64) of the pixels of groups 1..n_groups by group, and `starts`.

    groups  (H * W,) int32, 0 = in no group
    starts  (n_groups + 1,) int64, the index at which each group begins, then the number of positions

    Within a group, positions are in raster order.
    """
    starts = np.zeros(n_groups + 1, np.int64)
    for i in range(groups.size):
        if groups[i] > 0:
            starts[groups[i]] += 1
    for g in range(n_groups):
        starts[g + 1] += starts[g]
    next_index = starts.copy()
    pixels = np.empty(starts[n_groups], np.int64)
    for i in range(groups.size):
        if groups[i] > 0:
            pixels[next_index[groups[i] - 1]] = i
            next_index[groups[i] - 1] += 1
    return pixels, starts


@jit
def gather_rows(planes: NDArray, pixels: NDArray, rows: NDArray) -> None:
    """Copy the columns `pixels` of planes (E, H * W) to the first E columns of `rows`."""
    for i in range(len(pixels)):
        for k in range(len(planes)):
            rows[i, k] = planes[k, pixels[i]]


@jit_reassociate
def _squared_distance(row: NDArray, centre: NDArray, limit: np.float32) -> np.float32:
    """Return the squared distance of two vectors, or some number above `limit` if it is above `limit`."""
    total = np.float32(0)
    for begin in range(0, len(centre), LANES):
        for k in range(LANES):
            total += (row[begin + k] - centre[begin + k]) ** 2
        if total > limit:
            return total
    return total


@jit_reassociate
def _squared_length(vector: NDArray) -> np.float32:
    total = np.float32(0)
    for k in range(len(vector)):
        total += vector[k] ** 2
    return total


@jit
def _find_candidates(
    rows: NDArray,
    keys: NDArray,
    order: NDArray,
    axes: NDArray,
    first: int,
    last: int,
    centre: NDArray,
    reach: np.float32,
    clusters: NDArray,
    candidates: NDArray,
    distance: NDArray,
) -> int:
    """Find the free rows of a group within `reach` of the centre, and return their number.

    Their indices are written to `candidates`, and their distances to `distance`.
    """
    middle = np.zeros(AXES, np.float32)
    for k in range(len(centre)):
        for a in range(AXES):
            middle[a] += centre[k] * axes[k, a]
    # The margin covers rounding errors of keys, which are a few units in the last place of the vectors.
    slack = reach + np.float32(1e-4) * (1 + np.sqrt(_squared_length(centre)))
    limit = reach * reach
    low, high = first, last
    while low < high:  # the first key that is not too small
        half = (low + high) // 2
        if keys[half, 0] < middle[0] - slack:
            low = half + 1
        else:
            high = half
    n = 0
    for i in range(low, last):
        if keys[i, 0] > middle[0] + slack:
            break
        gap = np.float32(0)
        for a in range(AXES):
            gap += (keys[i, a] - middle[a]) ** 2
        if gap > slack * slack:
            continue
        row = order[i]
        if clusters[row] == 0:
            far = _squared_distance(rows[row], centre, limit)
            if far <= limit:
                candidates[n] = row
                distance[n] = np.sqrt(far)
                n += 1
    return n


@jit
def _update(
    rows: NDArray,
    candidates: NDArray,
    distance: NDArray,
    inside: NDArray,
    centre: NDArray,
    travelled: np.float32,
    bandwidth: np.float32,
    total: NDArray,
) -> tuple[int, bool]:
    """Update `inside`, which candidates are within the bandwidth, and `total`, the sum of their rows.

    Returns by how much their number has grown, and whether any candidate has changed sides.
    """
    surely_inside = bandwidth * np.float32(1 - 1e-5) - travelled
    surely_outside = bandwidth * np.float32(1 + 1e-5) + travelled
    gained, changed = 0, False
    for c in range(len(candidates)):
        row = rows[candidates[c]]
        if distance[c] <= surely_inside:
            is_inside = True
        elif distance[c] > surely_outside:
            is_inside = False
        else:
            limit = bandwidth * bandwidth
            is_inside = bool(_squared_distance(row, centre, limit) <= limit)
        if is_inside != inside[c]:
            inside[c] = is_inside
            changed = True
            sign = 1 if is_inside else -1
            gained += sign
            for k in range(len(centre)):
                total[k] += sign * row[k]
    return gained, changed


@jit
def mean_shift(
    rows: NDArray,
    keys: NDArray,
    order: NDArray,
    axes: NDArray,
    starts: NDArray,
    bandwidth: float,
    clusters: NDArray,
) -> int:
    """Cluster by flat-kernel mean shift, see `decode.cluster`; return the number of clusters.

    order     (n,) int64, the rows of each group by ascending first key
    keys      (n, AXES) float32, rows[order] @ axes; pixels are near each other only if their keys are
    axes      (E, AXES) float32, orthonormal columns; with zeros, all pixels of a group are compared
    clusters  (n,) int32 zeros, filled with cluster numbers 1.. in the order of discovery
    """
    width = np.float32(bandwidth)
    # Pixels within two bandwidths are looked up once. Until the centre has moved by nearly one bandwidth,
    # they include all pixels that can be inside.
    reach = np.float32(2) * width
    candidates = np.empty(len(rows), np.int64)
    distance = np.empty(len(rows), np.float32)
    inside = np.empty(len(rows), np.bool_)
    centre = np.empty(rows.shape[1], np.float32)
    anchor = np.empty(rows.shape[1], np.float32)
    total = np.empty(rows.shape[1], np.float64)
    found = 0
    for group in range(len(starts) - 1):
        first, last = starts[group], starts[group + 1]
        for seed in range(first, last):
            while clusters[seed] == 0:  # repeated if the centre has moved away from its seed
                found += 1
                centre[:] = rows[seed]
                n = -1
                for _ in range(MAX_ITERATIONS):
                    travelled = np.float32(0)
                    if n >= 0:
                        travelled = np.sqrt(_squared_distance(anchor, centre, np.float32(np.inf)))
                    if n < 0 or travelled > np.float32(0.99) * width:
                        anchor[:] = centre
                        travelled = np.float32(0)
                        n = _find_candidates(
                            rows,
                            keys,
                            order,
                            axes,
                            first,
                            last,
                            centre,
                            reach,
                            clusters,
                            candidates,
                            distance,
                        )
                        inside[:n] = False
                        total[:] = 0
                        count = 0
                    gained, changed = _update(
                        rows, candidates[:n], distance, inside, centre, travelled, width, total
                    )
                    count += gained
                    if not changed or count == 0:
                        break
                    for k in range(len(centre)):
                        centre[k] = total[k] / count
                if count == 0:  # all pixels are at the rim, and rounding put them outside
                    clusters[seed] = found
                for c in range(n):
                    if inside[c]:
                        clusters[candidates[c]] = found
    return found
