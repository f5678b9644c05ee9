"""`python -m benchmarks.peers [-o FILE]`: our speed beside that of other implementations, in Markdown.

Values are compared first, and a peer that disagrees is not timed. Both sides run in turn in one process, on
one thread; the figure is the median. A peer that is not installed is left out, and named.
"""

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import scenes
from fcrbench import metrics, postprocess


@dataclass
class Comparison:
    work: str
    package: str  # distribution name
    peer: Callable[[], Any]
    ours: Callable[[], Any]
    agree: Callable[[Any, Any], bool]  # (ours, peer)


def real_labels() -> NDArray:
    """A real field of the embedded sample."""
    from fcrbench import datasets

    sample = datasets.create("sample")
    return sample.load(sample.splits["val"][0]).labels


def labelling(work: str, classes: NDArray[np.uint8]) -> list[Comparison]:
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
            lambda f=function, c=c: f(c),
            lambda c=c: postprocess.label(classes, connectivity=c)[0],
            same_partition,
        )
        for c in (1, 2)
        for package, function in (
            ("connected-components-3d", cc3d),
            ("scikit-image", skimage),
            ("scipy", scipy),
        )
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
        peer,
        lambda: metrics.score(truth, pred, inclusive=True),  # stardist counts IoU >= t
        agree,
    )


def numpy_dense(work: str, truth: NDArray, pred: NDArray) -> Comparison:
    """What a short NumPy script does: a dense table of n x m by bincount, IoU, F1 at ten thresholds."""

    def peer() -> list[float]:
        n, m = int(truth.max()) + 1, int(pred.max()) + 1
        table = np.bincount((truth.astype(np.int64) * m + pred).reshape(-1), minlength=n * m).reshape(n, m)
        areas = table.sum(1)[1:, None] + table.sum(0)[None, 1:]
        shared = table[1:, 1:]
        iou = shared / np.maximum(areas - shared, 1)
        objects = np.count_nonzero(table.sum(1)[1:]) + np.count_nonzero(table.sum(0)[1:])
        return [2 * np.count_nonzero(iou > t) / objects for t in metrics.IOU_THRESHOLDS]

    return Comparison(
        f"{work}: every metric against F1 at 10 thresholds from a dense table",
        "numpy",
        peer,
        lambda: metrics.score(truth, pred),
        lambda ours, theirs: np.allclose(ours.f1_per_iou, theirs, atol=1e-12),
    )


def same_partition(ours: NDArray, theirs: NDArray) -> bool:
    """The same objects, whatever their ids."""
    table = metrics.overlap_table(ours, theirs)
    one_to_one = table.n_true == table.n_pred == len(table.shared)
    return one_to_one and bool((table.iou == 1).all()) and np.array_equal(ours == 0, theirs == 0)


def medians(comparison: Comparison, seconds: float) -> tuple[float, float]:
    """Median seconds of ours and of the peer, called in turn."""
    ours, peer = [], []
    end = time.perf_counter() + seconds
    while len(ours) < 3 or time.perf_counter() < end:
        for function, taken in ((comparison.ours, ours), (comparison.peer, peer)):
            start = time.perf_counter()
            function()
            taken.append(time.perf_counter() - start)
    return statistics.median(ours), statistics.median(peer)


def table(seconds: float) -> tuple[str, bool]:
    """The Markdown text, and whether every installed peer agreed."""
    labels = real_labels()
    made = scenes.nuclei(scenes.LARGE, 37)
    field, large = "520 x 696, real nuclei", f"2048 x 2048, {made.max()} made nuclei"
    classes = scenes.color_map(labels)
    comparisons = [
        *labelling(field, classes),
        *labelling(large, scenes.color_map(made)),
        scores_to_labels(scenes.scores(classes)),
    ]
    for work, truth in ((field, labels), (large, made)):
        pred = scenes.prediction(truth)
        comparisons += [stardist(work, truth, pred), numpy_dense(work, truth, pred)]

    lines = ["| work | fcrbench, ms | peer | peer, ms | faster |", "|---|---|---|---|---|"]
    missing, agreed = set(), True
    for c in comparisons:
        try:
            theirs = c.peer()
        except ImportError:
            missing.add(c.package)
            continue
        name = f"{c.package} {metadata.version(c.package)}"
        if not c.agree(c.ours(), theirs):
            agreed = False
            lines.append(f"| {c.work} | | {name} | values differ | |")
            continue
        ours, peer = medians(c, seconds)
        lines.append(f"| {c.work} | {1e3 * ours:.3g} | {name} | {1e3 * peer:.3g} | {peer / ours:.1f}x |")
    lines.append("")
    lines.append(
        f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}, one thread."
    )
    if missing:
        lines.append(f"Not installed: {', '.join(sorted(missing))}.")
    return "\n".join(lines) + "\n", agreed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, help="write the table to this file, too")
    parser.add_argument("--seconds", type=float, default=2.0, help="time spent on each line (default 2)")
    options = parser.parse_args()
    text, agreed = table(options.seconds)
    print(text, end="")
    if options.output:
        options.output.write_text(text)
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
