"""Which objects lie against each other, counted on runs; and how undecided pixels are between two colours."""

import math

import numpy as np

from fcrbench.kernels._jit import inner, jit

MOST = 255  # the doubt of a pixel that takes one of two colours by chance is half of it


@inner
def _doubt(planes: np.ndarray, background: int, i: int) -> int:
    """Probability of the second most likely colour of pixel i, 0..MOST; see `doubts`."""
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
    if largest == np.inf:  # classes that are infinitely likely share alike
        same = 0
        for k in range(planes.shape[0]):
            same += int(planes[k, i] == np.inf)
        return int(MOST / same + 0.5) if second == np.inf else 0
    total = 0.0
    for k in range(planes.shape[0]):
        total += math.exp(float(planes[k, i]) - largest)
    return int(MOST * math.exp(second - largest) / total + 0.5)


@jit
def doubts(planes: np.ndarray, background: int, out: np.ndarray) -> None:
    """The softmax probability of the second most likely class besides the background, of every pixel.

    planes (K, N) scores without NaN; out (N,) uint8, in units of 1 / MOST.
    """
    for i in range(out.size):
        out[i] = _doubt(planes, background, i)


@jit
def doubts_at_contacts(
    starts: np.ndarray,
    labels: np.ndarray,
    rows: np.ndarray,
    width: int,
    planes: np.ndarray,
    background: int,
    out: np.ndarray,
) -> None:
    """`doubts` of those pixels only that `find_contacts` reads: where two objects share a side."""
    for row in range(rows.size - 1):
        here = rows[row]
        end = rows[row + 1]
        for i in range(here, end - 1):
            if labels[i] > 0 and labels[i + 1] > 0 and labels[i] != labels[i + 1]:
                for p in range(starts[i + 1] - 1, starts[i + 1] + 1):
                    out[p] = _doubt(planes, background, p)
        above = rows[row - 1] if row > 0 else end
        while row > 0 and here < end:
            above_stop = starts[above + 1] + width
            here_stop = starts[here + 1]
            if labels[above] > 0 and labels[here] > 0 and labels[above] != labels[here]:
                for p in range(max(starts[above] + width, starts[here]), min(above_stop, here_stop)):
                    out[p] = _doubt(planes, background, p)
                    out[p - width] = _doubt(planes, background, p - width)
            if above_stop <= here_stop:
                above += 1
            if here_stop <= above_stop:
                here += 1


@inner
def _meet(
    edges: np.ndarray,
    first: np.ndarray,
    contacts: np.ndarray,
    n: int,
    a: int,
    b: int,
    length: int,
    doubt: int,
) -> int:
    """Objects a and b share `length` sides of this doubt: add them to both edges and to their contact.

    first     (objects,) the first contact in which each is the lower id, or -1
    contacts  (capacity, 5), see `find_contacts`; last the next contact of the same lower id, or -1
    n         contacts so far; returned with the new one
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
    """Edges of all objects, and pairs of objects that share sides of their pixels.

    starts, labels, rows  the runs of an image, see `kernels.regions.give`
    doubt                 (pixels,) uint8, or (0,): none is summed

    Returns edges (count + 1,) int64, the sides of the pixels of each object that face other objects or the
    background; and contacts (n, 5) int64: two ids, the lower one first, the sides that they share, the sum of
    the doubt of the pixels on both sides of these, and a column without meaning.
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
            n = _meet(edges, first, contacts, n, labels[i], labels[i + 1], 1, sum_)
        while row > 0 and here < end:
            above_stop = starts[above + 1] + width
            here_stop = starts[here + 1]
            begin = max(starts[above] + width, starts[here])
            stop = min(above_stop, here_stop)
            sum_ = 0
            if doubt.size > 0 and labels[above] > 0 and labels[here] > 0 and labels[above] != labels[here]:
                for p in range(begin, stop):
                    sum_ += int(doubt[p]) + int(doubt[p - width])
            n = _meet(edges, first, contacts, n, labels[above], labels[here], stop - begin, sum_)
            if above_stop <= here_stop:
                above += 1
            if here_stop <= above_stop:
                here += 1
    return edges, contacts[:n]
