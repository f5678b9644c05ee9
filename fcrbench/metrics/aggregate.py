"""From images to a data set: a table, one row an image; means with bootstrap intervals; pooled figures."""

import math
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.metrics.empty import Empty, empty_value, ratio
from fcrbench.metrics.scores import AP_COLUMNS, COLUMNS, F1_COLUMNS, RATIOS, Scores, score

if TYPE_CHECKING:
    import pandas as pd

MEANS = RATIOS + AP_COLUMNS + F1_COLUMNS
COUNTS = ("tp", "fp", "fn", "n_true", "n_pred", "splits", "merges")
PIXEL_RATIOS = ("dice", "dice2", "aji", "aji_plus")
SUMS = ("iou_sum", *(f"{name}_{term}" for name in PIXEL_RATIOS for term in ("numerator", "denominator")))
_BATCH = 100  # bootstrap draws made at a time


@dataclass(frozen=True)
class DatasetScores:
    """Scores of a data set.

    Attributes:
        table: pandas DataFrame, one row an image in the order given: `image`, then `Scores.to_dict()`.
    """

    table: "pd.DataFrame"

    def summary(self, n_boot: int = 2000, seed: int = 0) -> dict[str, Any]:
        """Means with 95 % intervals, and pooled figures; see `summarize`."""
        return summarize(self.table, n_boot=n_boot, seed=seed)


def score_dataset(
    pairs: Iterable[tuple[Hashable, ArrayLike, ArrayLike]],
    workers: int = 1,
    empty: Empty = "nan",
    *,
    inclusive: bool = False,
) -> DatasetScores:
    """Score many images.

    Args:
        pairs: (image id, truth, pred) of each image; of a generator, at most 2 x workers pairs are held.
        workers: threads; the kernels run outside the interpreter's lock.
        empty, inclusive: as in `score`.

    Raises:
        TypeError, ValueError: as `score` does, with the image named; an image id comes twice; workers < 1.
    """
    import pandas as pd

    empty_value(empty)
    if workers < 1:
        raise ValueError(f"workers: expected 1 or more, found {workers}")

    def one(image: Hashable, truth: ArrayLike, pred: ArrayLike) -> Scores:
        try:
            return score(truth, pred, empty=empty, inclusive=inclusive)
        except (TypeError, ValueError) as error:
            raise type(error)(f"image {image!r}: {error}") from error

    rows: dict[Hashable, Scores] = {}
    for image, scores in _map(one, pairs, workers):
        if image in rows:
            raise ValueError(f"pairs: expected each image once, found {image!r} twice")
        rows[image] = scores
    records = [{"image": image, **scores.to_dict()} for image, scores in rows.items()]
    return DatasetScores(pd.DataFrame(records, columns=["image", *COLUMNS]))


def _map(
    one: Callable[..., Scores], pairs: Iterable[tuple], workers: int
) -> Iterator[tuple[Hashable, Scores]]:
    """one(*pair) of every pair, in order, by threads."""
    if workers == 1:
        for pair in pairs:
            yield pair[0], one(*pair)
        return
    waiting: deque[tuple[Hashable, Future[Scores]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for pair in pairs:
                waiting.append((pair[0], pool.submit(one, *pair)))
                if len(waiting) == 2 * workers:
                    image, future = waiting.popleft()
                    yield image, future.result()
            while waiting:
                image, future = waiting.popleft()
                yield image, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def summarize(table: "pd.DataFrame", n_boot: int = 2000, seed: int = 0) -> dict[str, Any]:
    """Summary of a per-image table, as `score_dataset` returns or a saved CSV holds it.

    Returns a plain dict:
        each ratio (dice .. recall, ap_50 .. f1_95): {"mean", "low", "high", "n"}, the mean over the n images
            where it is not NaN, and its 95 % percentile bootstrap interval over images (n_boot draws);
        "pooled": every ratio from the counts and pixel sums of all images together, and the counts themselves
            (pooled PQ is not the mean of PQ, and the mean of PQ is not mean SQ x mean RQ);
        "n_images", and "n_empty", the number of images with no object in truth or prediction.

    Raises ValueError when a column is missing or n_boot < 1.
    """
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise ValueError(
            f"table: expected the columns of Scores.to_dict(), found none named {', '.join(missing)}"
        )
    if n_boot < 1:
        raise ValueError(f"n_boot: expected 1 or more, found {n_boot}")
    values = table[list(MEANS)].to_numpy(np.float64)
    means, low, high = _bootstrap(values, n_boot, seed)
    counted = np.count_nonzero(~np.isnan(values), axis=0)
    intervals = {
        name: {"mean": float(means[i]), "low": float(low[i]), "high": float(high[i]), "n": int(counted[i])}
        for i, name in enumerate(MEANS)
    }
    return {
        "n_images": len(table),
        "n_empty": int(((table["n_true"] == 0) & (table["n_pred"] == 0)).sum()),
        "metrics": intervals,
        "pooled": _pooled(table),
    }


def _bootstrap(values: NDArray[np.float64], n_boot: int, seed: int) -> tuple[NDArray, NDArray, NDArray]:
    """Mean of each column without its NaN, and the 2.5 and 97.5 percentiles of it over resampled rows."""
    n, columns = values.shape
    if n == 0:
        nothing = np.full(columns, np.nan)
        return nothing, nothing, nothing
    valid = ~np.isnan(values)
    filled = np.where(valid, values, 0.0)
    weights = valid.astype(np.float64)
    draw = np.random.default_rng(seed)
    means = np.empty((n_boot, columns))
    with np.errstate(invalid="ignore"):  # a draw may hold no image with a value: NaN, left out below
        for at in range(0, n_boot, _BATCH):
            times = draw.multinomial(n, np.full(n, 1 / n), size=min(_BATCH, n_boot - at)).astype(np.float64)
            means[at : at + _BATCH] = (times @ filled) / (times @ weights)
        mean = filled.sum(0) / weights.sum(0)
    low, high = np.full(columns, np.nan), np.full(columns, np.nan)
    some = valid.any(0)
    if some.any():
        low[some], high[some] = np.nanpercentile(means[:, some], [2.5, 97.5], axis=0)
    return mean, low, high


def _pooled(table: "pd.DataFrame") -> dict[str, float | int]:
    """Ratios of sums over all images; NaN when no image holds an object."""
    sums = {name: float(table[name].sum()) for name in (*COUNTS, *SUMS)}
    objects = sums["n_true"] + sums["n_pred"]
    tp = sums["tp"]
    pairs = {name: (sums[f"{name}_numerator"], sums[f"{name}_denominator"]) for name in PIXEL_RATIOS}
    pairs |= {
        "f1": (2 * tp, objects),
        "pq": (2 * sums["iou_sum"], objects),
        "sq": (sums["iou_sum"], tp),
        "rq": (2 * tp, objects),
        "precision": (tp, sums["n_pred"]),
        "recall": (tp, sums["n_true"]),
    }
    in_image = table["n_true"] + table["n_pred"]
    for f1_name, ap_name in zip(F1_COLUMNS, AP_COLUMNS, strict=True):
        # TP at this threshold, back from F1 = 2 TP / (n_true + n_pred); images without objects add none.
        matched = round((table[f1_name].where(in_image > 0, 0.0) * in_image / 2).round().sum())
        pairs[f1_name] = (2 * matched, objects)
        pairs[ap_name] = (matched, objects - matched)
    pooled = {name: ratio(*pair) if objects else math.nan for name, pair in pairs.items()}
    pooled["ap"] = sum(pooled[name] for name in AP_COLUMNS) / len(AP_COLUMNS)
    return {name: pooled[name] for name in MEANS} | {name: int(sums[name]) for name in COUNTS}
