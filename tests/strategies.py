"""Hypothesis strategies: label images as they come in practice, and as they should not but do."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from fcrbench.postprocess import InstanceRules

INTEGER_DTYPES = [np.dtype(c) for c in "bBhHiIlL"] + [np.dtype(">u2"), np.dtype(">i4")]
HUGE = [2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**62, 2**63 - 1]


@st.composite
def label_images(draw: st.DrawFn, shape: tuple[int, ...], max_objects: int = 5) -> np.ndarray:
    """int64 labels 0..max_objects: empty, full, single pixels, boxes that touch, nest or overlap, noise."""
    kind = draw(
        st.sampled_from(["empty", "full", "pixel", "boxes", "boxes", "boxes", "tiles", "nested", "noise"])
    )
    labels = np.zeros(shape, np.int64)
    if kind == "full":
        labels[...] = 1
    elif kind == "pixel" and labels.size:
        labels.flat[draw(st.integers(0, labels.size - 1))] = draw(st.integers(1, max_objects))
    elif kind == "noise":
        seed = draw(st.integers(0, 2**32 - 1))
        labels = np.random.default_rng(seed).integers(0, max_objects + 1, shape)
    elif kind == "tiles":
        # Side by side, no background between them; some in several pieces.
        side = draw(st.integers(1, 4))
        cell = sum(k * (axis // side) for k, axis in enumerate(np.indices(shape), 1))
        labels = 1 + (cell + draw(st.integers(0, max_objects))) % max_objects
    elif kind == "nested":
        to_edge = [np.minimum(i, n - 1 - i) for i, n in zip(np.indices(shape), shape, strict=True)]
        depth = np.min(to_edge, axis=0)
        labels = (depth + draw(st.integers(0, 1))) % (max_objects + 1)
    elif kind == "boxes":
        for k in range(1, draw(st.integers(1, max_objects)) + 1):
            box = []
            for side in shape:
                low = draw(st.integers(0, max(side - 1, 0)))
                box.append(slice(low, draw(st.integers(low + 1, max(side, low + 1)))))
            labels[tuple(box)] = k
    return labels


@st.composite
def label_pairs(draw: st.DrawFn, max_side: int = 7, max_objects: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Truth and prediction of one shape, 2-D or 3-D, also 0-size; half the time one is the other, damaged:
    moved, with an object lost, renamed or merged with another, cut in two, or worn off at a side.
    """
    n_dim = draw(st.sampled_from([2, 2, 2, 3]))
    side = st.integers(0, max_side if n_dim == 2 else 4)
    shape = tuple(draw(side) for _ in range(n_dim))
    truth = draw(label_images(shape, max_objects))
    if draw(st.booleans()):
        return truth, draw(label_images(shape, max_objects))
    pred = truth
    for damage in draw(st.lists(st.sampled_from(["move", "rename", "cut", "wear"]), max_size=3)):
        axis, k = draw(st.integers(0, n_dim - 1)), draw(st.integers(1, max_objects))
        if damage == "move":
            pred = np.roll(pred, draw(st.integers(-1, 1)), axis)
        elif damage == "rename":
            pred = np.where(pred == k, draw(st.integers(0, max_objects)), pred)
        elif damage == "cut":
            beyond = np.indices(shape)[axis] >= draw(st.integers(0, max_side))
            pred = np.where((pred == k) & beyond, max_objects + 1, pred)
        else:
            pred = np.where(pred == np.roll(pred, 1, axis), pred, 0)
    return truth, pred


@st.composite
def renamed(draw: st.DrawFn, labels: np.ndarray) -> np.ndarray:
    """The same objects under other ids: any order, gaps, huge."""
    old = [k for k in np.unique(labels).tolist() if k]
    ids = st.one_of(st.integers(1, 40), st.sampled_from(HUGE), st.integers(1, 2**63 - 1))
    new = draw(st.lists(ids, min_size=len(old), max_size=len(old), unique=True))
    result = np.zeros(labels.shape, draw(st.sampled_from([np.int64, np.uint64])))
    for a, b in zip(old, new, strict=True):
        result[labels == a] = b
    return result


@st.composite
def laid_out(draw: st.DrawFn, labels: np.ndarray) -> np.ndarray:
    """The same values in another dtype that holds them, memory order or stride, read-only, masked nowhere."""
    top = int(labels.max(initial=0))
    dtype = draw(st.sampled_from([d for d in INTEGER_DTYPES if np.iinfo(d).max >= top]))
    result = labels.astype(dtype)
    layout = draw(st.sampled_from(["C", "F", "strided", "reversed", "read-only", "masked"]))
    if layout == "F":
        result = np.asfortranarray(result)
    elif layout == "strided":
        wide = np.zeros((*result.shape[:-1], 2 * result.shape[-1]), dtype)
        wide[..., ::2] = result
        result = wide[..., ::2]
    elif layout == "reversed":
        result = result[::-1].copy()[::-1]
    elif layout == "read-only":
        result.setflags(write=False)
    elif layout == "masked":
        result = np.ma.MaskedArray(result, draw(st.sampled_from([False, np.ma.nomask])))
    return result


@st.composite
def scores_and_rules(draw: st.DrawFn) -> tuple[np.ndarray, InstanceRules]:
    """Scores (K, H, W) float32 of few values, with many ties and infinities, and rules for them."""
    shape = draw(st.tuples(st.integers(1, 6), st.integers(0, 12), st.integers(0, 12)))
    scores = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).integers(-3, 4, shape).astype(np.float32)
    scores[scores == 3] = np.inf
    scores[scores == -3] = -np.inf
    background = draw(st.sampled_from(["mode", 0, 5]))
    join, margin = draw(st.sampled_from([0, 0.01, 0.05, 0.2])), draw(st.sampled_from([0, 1, 2.5, 4]))
    if background == "mode":
        join = margin = 0
    else:
        background = min(background, shape[0] - 1)
    rules = InstanceRules(
        background=background,
        connectivity=draw(st.sampled_from([1, 2])),
        min_size=draw(st.integers(0, 4)),
        fill_holes=draw(st.booleans()),
        join_doubt=join,
        border_size=draw(st.sampled_from([0, 2, 9])),
        min_margin=margin,
        sure_size=draw(st.sampled_from([0, 3, 100])),
    )
    return scores, rules
