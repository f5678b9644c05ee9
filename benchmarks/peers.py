"""Compare the speed of fcrbench with other implementations: `python -m benchmarks.peers [-o FILE]`.

The result is a Markdown table. Values are compared first, and a peer with other values is not timed. Both
sides run in turn in one process, a few calls each, on one thread; the table shows the median CPU time. Both
allocate the memory of their result, except in rows that say `out=`. Peers that are not installed are listed
below the table.

"of the bound" is the share of our time that reading the input and filling the output once would take, at the
bandwidth measured for arrays of that size in the same run.
"""

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import limits, naive, scenes
from fcrbench import metrics, postprocess

CALLS = 5
BEGIN, END = "<!-- peers -->", "<!-- /peers -->"


@dataclass
class Comparison:
    work: str
    package: str  # distribution name
    n_read: int  # bytes of input
    n_written: int  # bytes of output
    peer: Callable[[], Any]
    ours: Callable[[], Any]
    agree: Callable[[Any, Any], bool]  # (ours, peer)


def labelling(
    work: str,
    classes: NDArray[np.uint8],
    fastest_only: bool = False,
    out: NDArray[np.int32] | None = None,
) -> list[Comparison]:
    """Compare labelling; out: memory for our result, which the peers cannot use."""

    def cc3d(connectivity: int) -> NDArray:
        import cc3d

        return cc3d.connected_components(classes, connectivity=4 * connectivity)

    def skimage(connectivity: int) -> NDArray:
        from skimage.measure import label

        return label(classes, background=0, connectivity=connectivity)

    def scipy(connectivity: int) -> NDArray:
        from scipy import ndimage

        out, n = np.zeros(classes.shape, np.int32), 0
        for value in np.unique(classes[classes > 0]):
            mask = classes == value
            labels, found = ndimage.label(mask, ndimage.generate_binary_structure(2, connectivity))
            out[mask] = labels[mask] + n
            n += found
        return out

    return [
        Comparison(
            f"{work}, {4 * c}-connected",
            package,
            classes.nbytes,
            4 * classes.size,
            lambda f=function, c=c: f(c),
            lambda c=c: postprocess.label(classes, connectivity=c, out=out)[0],
            same_partition,
        )
        for c in (1, 2)
        for package, function in (
            ("connected-components-3d", cc3d),
            ("scikit-image", skimage),
            ("scipy", scipy),
        )[: 1 if fastest_only else None]
    ]


def scores_to_labels(scores: NDArray[np.float32]) -> Comparison:
    def peer() -> NDArray:
        import cc3d

        classes = np.argmax(scores, axis=0).astype(np.uint8)
        background = np.bincount(classes.reshape(-1)).argmax()
        return cc3d.connected_components(np.where(classes == background, 0, classes + 1), connectivity=4)

    shape = " x ".join(map(str, scores.shape))
    return Comparison(
        f"scores ({shape}) to instances, NumPy argmax",
        "connected-components-3d",
        scores.nbytes,
        scores[0].nbytes,
        peer,
        lambda: postprocess.instances(scores),
        same_partition,
    )


def stardist(work: str, truth: NDArray, pred: NDArray) -> Comparison:
    def peer() -> Any:
        from stardist.matching import matching

        return matching(truth, pred, thresh=metrics.IOU_THRESHOLDS)

    def agree(ours: metrics.Scores, theirs: Any) -> bool:
        same_f1 = np.allclose(ours.f1_per_iou, [m.f1 for m in theirs], atol=1e-12)
        same_ap = np.allclose(ours.ap_per_iou, [m.accuracy for m in theirs], atol=1e-12)
        return same_f1 and same_ap and abs(ours.pq - theirs[0].panoptic_quality) < 1e-6  # float32 IoU there

    return Comparison(
        f"{work}: every metric against matching at 10 thresholds",
        "stardist",
        truth.nbytes + pred.nbytes,
        0,
        peer,
        lambda: metrics.score(truth, pred, inclusive=True),  # stardist counts IoU >= t
        agree,
    )


def masks(work: str, truth: NDArray, pred: NDArray) -> Comparison:
    """Compare with metrics by masks and dense tables, as in hover_net; see `benchmarks.naive`."""
    _, renumbered = np.unique(pred, return_inverse=True)
    pred = renumbered.reshape(pred.shape).astype(np.int32)
    names = ("dice", "aji", "aji_plus", "rq", "sq", "pq")
    return Comparison(
        f"{work}: every metric against Dice, AJI, AJI+, DQ, SQ, PQ by masks (`benchmarks.naive`)",
        "numpy",
        truth.nbytes + pred.nbytes,
        0,
        lambda: naive.stats(truth, pred),
        lambda: metrics.score(truth, pred),
        lambda ours, theirs: all(abs(getattr(ours, name) - theirs[name]) < 1e-12 for name in names),
    )


def same_partition(ours: NDArray, theirs: NDArray) -> bool:
    """Return whether both have the same objects, regardless of ids."""
    table = metrics.overlap_table(ours, theirs)
    one_to_one = table.n_true == table.n_pred == len(table.shared)
    return one_to_one and bool((table.iou == 1).all()) and np.array_equal(ours == 0, theirs == 0)


def medians(comparison: Comparison, seconds: float) -> tuple[float, float]:
    """Return the median CPU seconds of our function and of the peer.

    They are called in turn, each a few times in a row, as the first call is slowed down by the state of the
    caches and of the heap that the other one left.
    """
    ours, peer = [], []
    end = time.process_time() + seconds
    while not ours or time.process_time() < end:
        for function, durations in ((comparison.ours, ours), (comparison.peer, peer)):
            for _ in range(CALLS):
                start = time.process_time()
                function()
                durations.append(time.process_time() - start)
    return statistics.median(ours), statistics.median(peer)


def comparisons(huge: bool) -> Iterator[Comparison]:
    """Yield all comparisons one at a time, as the largest images need gigabytes."""
    labels = scenes.real_labels()
    field = "520 x 696, real nuclei"
    classes = scenes.color_map(labels)
    yield from labelling(field, classes)
    yield scores_to_labels(scenes.scores(classes))
    pred = scenes.prediction(labels)
    yield masks(field, labels, pred)
    yield stardist(field, labels, pred)
    made = scenes.nuclei(scenes.LARGE, 37)
    large = f"2048 x 2048, {made.max()} made nuclei"
    yield from labelling(large, scenes.color_map(made))
    yield stardist(large, made, scenes.prediction(made))
    if huge:
        made = scenes.nuclei(scenes.HUGE, 31)
        classes, huge_field = scenes.color_map(made), f"10000 x 10000, {made.max()} made nuclei"
        yield from labelling(huge_field, classes, fastest_only=True)
        out = np.empty(made.shape, np.int32)
        yield from labelling(f"{huge_field}, `out=` given", classes, fastest_only=True, out=out)


def table(seconds: float, huge: bool) -> tuple[str, bool]:
    """Return the Markdown text, and whether every installed peer has the same values."""
    lines = [
        "| work | fcrbench, ms | of the bound | peer | peer, ms | faster |",
        "|---|---|---|---|---|---|",
    ]
    missing, agreed = set(), True
    for c in comparisons(huge):
        try:
            theirs = c.peer()
        except ImportError:
            missing.add(c.package)
            continue
        name = f"{c.package} {metadata.version(c.package)}"
        if not c.agree(c.ours(), theirs):
            agreed = False
            lines.append(f"| {c.work} | | | {name} | values differ | |")
            continue
        read, fill = limits.bandwidth(c.n_read)[0], limits.bandwidth(max(c.n_written, 4))[1]
        bound = c.n_read / read + c.n_written / fill
        ours, peer = medians(c, seconds)
        lines.append(
            f"| {c.work} | {1e3 * ours:.3g} | {bound / ours:.0%} | {name} | {1e3 * peer:.3g} "
            f"| {peer / ours:.{1 if peer < 100 * ours else 0}f}x |"
        )
    read, fill = limits.bandwidth(1 << 28)
    lines += ["", *(limits.linearity() if huge else []), limits.threads(), limits.first_calls(), ""]
    lines.append(
        f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}, one thread; "
        f"reads {read / 1e9:.0f} GB/s, fills new memory at {fill / 1e9:.0f} GB/s (256 MiB)."
    )
    if missing:
        lines.append(f"Not installed: {', '.join(sorted(missing))}.")
    return "\n".join(lines) + "\n", agreed


def insert_table(file: Path, text: str) -> str:
    """Return the file's text with its marked part replaced; only the new text without a file or marks."""
    before, begin, rest = (file.read_text() if file.exists() else "").partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{begin}\n{text}{end}{after}" if begin and end else text


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        help=f"also write the table to this file, between the lines {BEGIN} and {END} if it has them",
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="CPU time spent on each row (default 2)")
    parser.add_argument(
        "--huge",
        action="store_true",
        help="also compare images of 10000 x 10000 (needs 3 GB of memory and Linux)",
    )
    options = parser.parse_args()
    text, agreed = table(options.seconds, options.huge)
    print(text, end="")
    if options.output:
        options.output.write_text(insert_table(options.output, text))
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
