"""Contacts between objects, counted on runs, and the doubt of pixels between two colours."""

import math

import numpy as np

from fcrbench.kernels._jit import jit, jit_inline

MAX_DOUBT = 255  # a probability of 1; a pixel that is equally likely of two colours has half of it


@jit_inline
def _pixel_doubt(planes: np.ndarray, background: int, i: int) -> int:
    """Return the doubt of pixel i, 0..MAX_DOUBT; see `compute_doubts`."""
    largest = -np.inf
    best = -np.inf
    second = -np.inf
    for k in range(planes.shape[0]):
        value = float(planes[k, i])
        largest = max(largest, value)
        if k == background:
            continue
        if value > best:
            best, second = value, best
        elif value > second:
            second = value
    if second == -np.inf:
        return 0
    if largest == np.inf:  # classes with infinite scores are equally likely
        same = 0
        for k in range(planes.shape[0]):
            same += int(planes[k, i] == np.inf)
        return int(MAX_DOUBT / same + 0.5) if second == np.inf else 0
    total = 0.0
    for k in range(planes.shape[0]):
        total += math.exp(float(planes[k, i]) - largest)
    return int(MAX_DOUBT * math.exp(second - largest) / total + 0.5)


@jit
def compute_doubts(planes: np.ndarray, background: int, out: np.ndarray) -> None:
    """Compute the softmax probability of the second most likely class besides the background at every pixel.

    planes (K, N) are scores without NaN. out (N,) uint8 is filled, in units of 1 / MAX_DOUBT.
    """
    for i in range(out.size):
        out[i] = _pixel_doubt(planes, background, i)


@jit
def compute_doubts_at_contacts(
    starts: np.ndarray,
    labels: np.ndarray,
    rows: np.ndarray,
    width: int,
    planes: np.ndarray,
    background: int,
    out: np.ndarray,
) -> None:
    """Do `compute_doubts` only for pixels that `find_contacts` reads, where two objects share a side."""
    for row in range(rows.size - 1):
        here = rows[row]
        end = rows[row + 1]
        for i in range(here, end - 1):
            if labels[i] > 0 and labels[i + 1] > 0 and labels[i] != labels[i + 1]:
                for p in range(starts[i + 1] - 1, starts[i + 1] + 1):
                    out[p] = _pixel_doubt(planes, background, p)
        above = rows[row - 1] if row > 0 else end
        while row > 0 and here < end:
            above_stop = starts[above + 1] + width
            here_stop = starts[here + 1]
            if labels[above] > 0 and labels[here] > 0 and labels[above] != labels[here]:
                for p in range(max(starts[above] + width, starts[here]), min(above_stop, here_stop)):
                    out[p] = _pixel_doubt(planes, background, p)
                    out[p - width] = _pixel_doubt(planes, background, p - width)
            if above_stop <= here_stop:
                above += 1
            if here_stop <= above_stop:
                here += 1


@jit_inline
def _add_contact(
    edges: np.ndarray,
    first: np.ndarray,
    contacts: np.ndarray,
    n: int,
    a: int,
    b: int,
    length: int,
    doubt: int,
) -> int:
    """Add `length` sides that objects a and b share, and their doubt, to the edges and the contact of both.

    first     (objects,) the first contact in which each object has the lower id, or -1
    contacts  (capacity, 5), see `find_contacts`; the last column is the next contact with the same lower id,
    or -1 n         the number of contacts so far

    Returns the new number of contacts.
    """
    if a == b:
        return n
    edges[a] += length
    edges[b] += length
    if a == 0 or b == 0:
        return n
    if b < a:
        a, b = b, a
    at = first[a]
    while at >= 0 and contacts[at, 1] != b:
        at = contacts[at, 4]
    if at < 0:
        at = n
        n += 1
        contacts[at, 0] = a
        contacts[at, 1] = b
        contacts[at, 2] = 0
        contacts[at, 3] = 0
        contacts[at, 4] = first[a]
        first[a] = at
    contacts[at, 2] += length
    contacts[at, 3] += doubt
    return n


@jit
def find_contacts(
    starts: np.ndarray, labels: np.ndarray, rows: np.ndarray, width: int, count: int, doubt: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the lengths of the edges of all objects, and the pairs of objects that share sides of their
    pixels.

    starts, labels, rows  the runs of an image, see `kernels.regions.reassign_objects`
    doubt                 (pixels,) uint8 to sum; with shape (0,), nothing is summed

    Returns edges (count + 1,) int64, the number of sides of pixels of each object that face other objects or
    the background, and contacts (n, 5) int64. The columns of contacts are two ids, the lower one first, the
    number of sides that they share, the sum of the doubt of the pixels on both sides of these, and a column
    for internal use.
    """
    edges = np.zeros(count + 1, np.int64)
    first = np.full(count + 1, -1, np.int64)
    contacts = np.empty((0, 5), np.int64)
    n = 0
    for row in range(rows.size - 1):
        here = rows[row]
        end = rows[row + 1]
        above = rows[row - 1] if row > 0 else here
        needed = n + 2 * (end - above)
        if needed > len(contacts):
            longer = np.empty((2 * needed, 5), np.int64)
            for i in range(n):
                for j in range(5):
                    longer[i, j] = contacts[i, j]
            contacts = longer
        for i in range(here, end - 1):
            at = starts[i + 1]
            sum_ = int(doubt[at - 1]) + int(doubt[at]) if doubt.size > 0 else 0
            n = _add_contact(edges, first, contacts, n, labels[i], labels[i + 1], 1, sum_)
        while row > 0 and here < end:
            above_stop = starts[above + 1] + width
            here_stop = starts[here + 1]
            begin = max(starts[above] + width, starts[here])
            stop = min(above_stop, here_stop)
            sum_ = 0
            if doubt.size > 0 and labels[above] > 0 and labels[here] > 0 and labels[above] != labels[here]:
                for p in range(begin, stop):
                    sum_ += int(doubt[p]) + int(doubt[p - width])
            n = _add_contact(edges, first, contacts, n, labels[above], labels[here], stop - begin, sum_)
            if above_stop <= here_stop:
                above += 1
            if here_stop <= above_stop:
                here += 1
    return edges, contacts[:n]
