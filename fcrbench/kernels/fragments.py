"""Which objects lie so much against a larger one that they are pieces of it, decided on runs."""

import numpy as np

from fcrbench.kernels._jit import inner, jit
from fcrbench.kernels.regions import object_sizes


@inner
def _meet(
    edges: np.ndarray,
    sizes: np.ndarray,
    first: np.ndarray,
    contacts: np.ndarray,
    n: int,
    a: int,
    b: int,
    length: int,
) -> int:
    """Objects a and b share `length` sides: add them to both edges and to the contact of the smaller one.

    first     (objects,) the first contact of each, or -1
    contacts  (capacity, 3) int64: the larger object, the sides shared, the next contact of the smaller or -1
    n         contacts so far; returned with the new one
    """
    if a == b:
        return n
    edges[a] += length
    edges[b] += length
    if a == 0 or b == 0:
        return n
    if sizes[b] < sizes[a] or (sizes[b] == sizes[a] and b > a):
        a, b = b, a
    at = first[a]
    while at >= 0:
        if contacts[at, 0] == b:
            contacts[at, 1] += length
            return n
        at = contacts[at, 2]
    contacts[n, 0] = b
    contacts[n, 1] = length
    contacts[n, 2] = first[a]
    first[a] = n
    return n + 1


@jit
def find_owners(
    starts: np.ndarray, labels: np.ndarray, rows: np.ndarray, width: int, count: int, contact: float
) -> np.ndarray:
    """(count + 1,) int32, the object that each of the objects 1..count is a piece of, or itself; 0 for 0.

    An object is a piece of another when that one is larger (of equal ones: has the lower id) and takes up
    `contact` or more of its edge: of the sides of its pixels that face other objects or the background. Of
    several the one that takes most, then the lower id. Pieces of pieces go to the last of the chain.

    starts, labels, rows  the runs of an image, see `kernels.regions.give`
    """
    sizes = object_sizes(starts, labels, count)
    edges = np.zeros(count + 1, np.int64)
    first = np.full(count + 1, -1, np.int64)
    contacts = np.empty((0, 3), np.int64)
    n = 0
    for row in range(rows.size - 1):
        here = rows[row]
        end = rows[row + 1]
        above = rows[row - 1] if row > 0 else here
        needed = n + 2 * (end - above)
        if needed > len(contacts):
            longer = np.empty((2 * needed, 3), np.int64)
            for i in range(n):
                for j in range(3):
                    longer[i, j] = contacts[i, j]
            contacts = longer
        for i in range(here, end - 1):
            n = _meet(edges, sizes, first, contacts, n, labels[i], labels[i + 1], 1)
        while row > 0 and here < end:
            above_stop = starts[above + 1] + width
            here_stop = starts[here + 1]
            length = min(above_stop, here_stop) - max(starts[above] + width, starts[here])
            n = _meet(edges, sizes, first, contacts, n, labels[above], labels[here], length)
            if above_stop <= here_stop:
                above += 1
            if here_stop <= above_stop:
                here += 1
    owner = np.zeros(count + 1, np.int32)
    for k in range(1, count + 1):
        owner[k] = k
        most = 0
        at = first[k]
        while at >= 0:
            other = contacts[at, 0]
            length = contacts[at, 1]
            if length >= contact * edges[k] and (length > most or (length == most and other < owner[k])):
                most = length
                owner[k] = other
            at = contacts[at, 2]
    for k in range(1, count + 1):
        last = owner[k]
        while owner[last] != last:
            last = owner[last]
        owner[k] = last
    return owner
