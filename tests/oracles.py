"""Naive definitions to test against: sets of pixels, exact fractions, no shortcut shared with the package."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np

Pixels = frozenset


@dataclass
class Objects:
    """Truth and predicted objects as sets of pixels, by id."""

    truth: dict[int, Pixels]
    pred: dict[int, Pixels]

    @classmethod
    def of(cls, truth: np.ndarray, pred: np.ndarray) -> Objects:
        return cls(_objects(truth), _objects(pred))

    def iou(self, t: int, p: int) -> Fraction:
        a, b = self.truth[t], self.pred[p]
        return Fraction(len(a & b), len(a | b))

    def overlapping(self) -> list[tuple[int, int]]:
        return [(t, p) for t, p in product(self.truth, self.pred) if self.truth[t] & self.pred[p]]


def _objects(labels: np.ndarray) -> dict[int, Pixels]:
    found = defaultdict(set)
    for where, value in np.ndenumerate(labels):
        if value != 0:
            found[int(value)].add(where)
    return {k: frozenset(v) for k, v in found.items()}


def dice(o: Objects) -> Fraction:
    truth = frozenset().union(*o.truth.values())
    pred = frozenset().union(*o.pred.values())
    return Fraction(2 * len(truth & pred), len(truth) + len(pred))


def dice2(o: Objects) -> Fraction:
    above = below = 0
    for t, p in o.overlapping():
        above += 2 * len(o.truth[t] & o.pred[p])
        below += len(o.truth[t]) + len(o.pred[p])
    return Fraction(above, below) if below else Fraction(0)


def aji(o: Objects) -> Fraction:
    above = below = 0
    taken = set()
    for t in o.truth:
        best = None
        for p in sorted(o.pred):
            if o.iou(t, p) > (o.iou(t, best) if best is not None else 0):
                best = p
        if best is None:
            below += len(o.truth[t])
        else:
            taken.add(best)
            above += len(o.truth[t] & o.pred[best])
            below += len(o.truth[t] | o.pred[best])
    below += sum(len(pixels) for p, pixels in o.pred.items() if p not in taken)
    return Fraction(above, below)


def one_to_one(pairs: list[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Every set of pairs in which no object comes twice."""
    if not pairs:
        yield []
        return
    (t, p), rest = pairs[0], pairs[1:]
    yield from one_to_one(rest)
    for matching in one_to_one([(a, b) for a, b in rest if a != t and b != p]):
        yield [(t, p), *matching]


def aji_plus(o: Objects) -> Fraction:
    def worth(matching: list[tuple[int, int]]) -> tuple[Fraction, int]:
        return (
            sum((o.iou(t, p) for t, p in matching), Fraction(0)),
            sum(len(o.truth[t] & o.pred[p]) for t, p in matching),
        )

    best = max(one_to_one(o.overlapping()), key=worth)
    above = sum(len(o.truth[t] & o.pred[p]) for t, p in best)
    below = sum(len(o.truth[t] | o.pred[p]) for t, p in best)
    below += sum(len(v) for k, v in o.truth.items() if k not in {t for t, _ in best})
    below += sum(len(v) for k, v in o.pred.items() if k not in {p for _, p in best})
    return Fraction(above, below)


def matching(o: Objects, threshold: Fraction, inclusive: bool = False) -> list[tuple[int, int]]:
    """Most pairs above the threshold, among those the largest total IoU."""

    def matches(t: int, p: int) -> bool:
        return o.iou(t, p) >= threshold if inclusive else o.iou(t, p) > threshold

    pairs = [(t, p) for t, p in o.overlapping() if matches(t, p)]
    return max(one_to_one(pairs), key=lambda m: (len(m), sum(o.iou(t, p) for t, p in m)))


def splits(o: Objects) -> int:
    """Truth objects inside which lies more than half of each of two or more predictions."""
    inside = Counter(t for t, p in o.overlapping() if 2 * len(o.truth[t] & o.pred[p]) > len(o.pred[p]))
    return sum(count >= 2 for count in inside.values())


def merges(o: Objects) -> int:
    """Predictions that cover more than half of each of two or more truth objects."""
    covered = Counter(p for t, p in o.overlapping() if 2 * len(o.truth[t] & o.pred[p]) > len(o.truth[t]))
    return sum(count >= 2 for count in covered.values())


def splits_merges_by_iou(o: Objects, threshold: Fraction) -> tuple[int, int]:
    """Truth objects, and predictions, with two or more partners of an IoU above the threshold."""
    pairs = [(t, p) for t, p in o.overlapping() if o.iou(t, p) > threshold]
    counts = (Counter(t for t, _ in pairs), Counter(p for _, p in pairs))
    return sum(n >= 2 for n in counts[0].values()), sum(n >= 2 for n in counts[1].values())


def neighbours(at: tuple[int, ...], shape: tuple[int, ...], connectivity: int) -> Iterator[tuple[int, ...]]:
    """Pixels or voxels one step away along up to `connectivity` axes."""
    for step in product((-1, 0, 1), repeat=len(shape)):
        near = tuple(a + d for a, d in zip(at, step, strict=True))
        if 0 < sum(map(abs, step)) <= connectivity and all(
            0 <= a < n for a, n in zip(near, shape, strict=True)
        ):
            yield near


def label(image: np.ndarray, background: int | None = 0, connectivity: int = 1) -> tuple[np.ndarray, int]:
    """Flood fill from each pixel in raster order."""
    labels = np.zeros(image.shape, np.int32)
    count = 0
    for start in np.ndindex(*image.shape):
        if labels[start] or (background is not None and int(image[start]) == background):
            continue
        count += 1
        labels[start] = count
        queue = deque([start])
        while queue:
            at = queue.popleft()
            for near in neighbours(at, image.shape, connectivity):
                if not labels[near] and image[near] == image[at]:
                    labels[near] = count
                    queue.append(near)
    return labels, count


def renumber(labels: np.ndarray) -> np.ndarray:
    """Ids 1..n in raster order of first pixel."""
    new: dict[int, int] = {}
    flat = [0 if v == 0 else new.setdefault(int(v), len(new) + 1) for v in labels.ravel()]
    return np.array(flat, np.int32).reshape(labels.shape)


def join_fragments(labels: np.ndarray, contact: float) -> np.ndarray:
    """Each object that has `contact` of its edge on a larger one given to that one."""
    return _join(labels, lambda sides, edge, sizes, pixels: (sides >= contact * edge, sides))


def join_undecided(labels: np.ndarray, scores: np.ndarray, background: int, bar: float) -> np.ndarray:
    """Each object given to a larger one where the network is in doubt, see join_doubt of `instances`."""
    doubt = doubts(scores, background)

    def rule(
        sides: int, edge: int, sizes: tuple[int, int], pixels: list[tuple[int, int]]
    ) -> tuple[bool, int]:
        sum_ = sum(int(doubt[p]) for p in pixels)
        needed = bar * np.log(sizes[0]) * np.log(sizes[1]) / 4
        return sum_ / (2 * 255 * sides) * np.sqrt(np.sqrt(sides / edge)) >= needed, sum_

    return _join(labels, rule)


def remove_unsure(
    labels: np.ndarray, scores: np.ndarray, background: int, least: float, sure_size: int
) -> np.ndarray:
    """Without the objects below sure_size whose mean margin over the background is less."""
    margin = margins(scores, background)
    kept = labels.copy()
    for k in np.unique(labels[labels > 0]):
        pixels = [int(v) for v in margin[labels == k]]
        if len(pixels) < sure_size and sum(pixels) < 16 * least * len(pixels):
            kept[labels == k] = 0
    return renumber(kept)


def remove_cut(labels: np.ndarray, size: int) -> np.ndarray:
    """Without the objects of fewer pixels than `size` that reach the border of the image."""
    kept = labels.copy()
    for k in np.unique(labels[labels > 0]):
        y, x = np.nonzero(labels == k)
        reach = min(y.min(), x.min(), labels.shape[0] - 1 - y.max(), labels.shape[1] - 1 - x.max())
        if reach == 0 and len(y) < size:
            kept[labels == k] = 0
    return renumber(kept)


def margins(scores: np.ndarray, background: int) -> np.ndarray:
    """16 times the lead of the largest score over that of the background, rounded, at most 255."""
    found = np.zeros(scores.shape[1:], np.uint8)
    for where in np.ndindex(*found.shape):
        values = scores[(slice(None), *where)]
        best, ground = float(values.max()), float(values[background])
        if best > ground:
            found[where] = 255 if best - ground > 15.9375 else int(16 * (best - ground) + 0.5)
    return found


def doubts(scores: np.ndarray, background: int) -> np.ndarray:
    """255 times the softmax probability of the second most likely class besides the background."""
    found = np.zeros(scores.shape[1:], np.uint8)
    for where in np.ndindex(*found.shape):
        values = [float(v) for v in scores[(slice(None), *where)]]
        if max(values) == -np.inf:  # nothing is known
            continue
        if max(values) == np.inf:
            share = [float(v == np.inf) for v in values]
        else:
            share = [np.exp(v - max(values)) for v in values]
        colours = sorted(share[k] / sum(share) for k in range(len(values)) if k != background)
        found[where] = int(255 * colours[-2] + 0.5) if len(colours) > 1 else 0
    return found


def _join(labels: np.ndarray, rule: Callable[..., tuple[bool, int]]) -> np.ndarray:
    """rule(shared sides, edge of the smaller, both sizes, pixels of both sides): does it join, how much."""
    labels = renumber(labels)
    sides: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for (y, x), a in np.ndenumerate(labels):
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= v < labels.shape[0] and 0 <= u < labels.shape[1] and labels[v, u] != a:
                sides.setdefault((int(a), int(labels[v, u])), []).extend([(y, x), (v, u)])
    rank = {int(a): (int((labels == a).sum()), -int(a)) for a in np.unique(labels[labels > 0])}
    owner = {}
    for a in rank:
        edge = sum(len(pixels) // 2 for (one, _), pixels in sides.items() if one == a)
        candidates = []
        for (one, b), pixels in sides.items():
            if one == a and b > 0 and rank[b] > rank[a]:
                joins, strength = rule(len(pixels) // 2, edge, (rank[a][0], rank[b][0]), pixels)
                if joins:
                    candidates.append((strength, -b))
        owner[a] = -max(candidates)[1] if candidates else a
    joined = labels.copy()
    for a in rank:
        last = a
        while owner[last] != last:
            last = owner[last]
        joined[labels == a] = last
    return renumber(joined)


def remove_small(labels: np.ndarray, min_size: int) -> np.ndarray:
    sizes = Counter(labels.ravel().tolist())
    kept = [v if sizes[v] >= min_size else 0 for v in labels.ravel().tolist()]
    return renumber(np.array(kept, labels.dtype).reshape(labels.shape))


def fill_holes(labels: np.ndarray) -> np.ndarray:
    """4-connected background regions off the edge whose 4-neighbours are all of one object."""
    result = labels.copy()
    holes, count = label((labels == 0).astype(np.uint8))
    height, width = labels.shape
    for k in range(1, count + 1):
        where = [tuple(p) for p in np.argwhere(holes == k)]
        if any(y in (0, height - 1) or x in (0, width - 1) for y, x in where):
            continue
        around = {int(labels[q]) for p in where for q in neighbours(p, labels.shape, 1)} - {0}
        if len(around) == 1:
            for p in where:
                result[p] = next(iter(around))
    return renumber(result)
