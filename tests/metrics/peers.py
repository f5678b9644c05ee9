"""Other implementations: calls of those that are installed, and the values expected from each.

The second part starts from our overlap table and applies each program's own formula, with its epsilon and its
precision. Equal definitions then give values equal to 1e-12, and where definitions differ, the difference is
known exactly. None of this is code of another project.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from fcrbench import metrics

Values = dict[str, float]


# Calls. Each imports its package, and raises ImportError where that is not installed.


def call_stardist(truth: np.ndarray, pred: np.ndarray) -> Values:
    from stardist.matching import matching

    per_iou = matching(truth, pred, thresh=metrics.IOU_THRESHOLDS)
    first = per_iou[0]
    values = {name: getattr(first, name) for name in ("tp", "fp", "fn", "precision", "recall")}
    values |= {"sq": first.mean_matched_score, "pq": first.panoptic_quality}
    return values | {f"ap_{round(100 * m.thresh)}": m.accuracy for m in per_iou}


def call_cellpose(truth: np.ndarray, pred: np.ndarray) -> Values:
    from cellpose import metrics as cellpose

    ap, tp, fp, fn = cellpose.average_precision([truth], [pred], threshold=list(metrics.IOU_THRESHOLDS))
    values = {"aji_cellpose": cellpose.aggregated_jaccard_index([truth], [pred])[0]}
    values |= {"tp": tp[0, 0], "fp": fp[0, 0], "fn": fn[0, 0]}
    return values | {f"ap_{round(100 * t)}": a for t, a in zip(metrics.IOU_THRESHOLDS, ap[0], strict=True)}


def call_cellseg(truth: np.ndarray, pred: np.ndarray) -> Values:
    from cellseg_metrics import functional

    quality = functional.panoptic_quality(truth, pred)
    return {
        "aji_largest_intersection": functional.aggregated_jaccard_index(truth, pred),
        "pq": quality["pq"],
        "sq": quality["sq"],
        "rq": quality["dq"],
        "dice2": functional.dice2(truth, pred),
        "precision_named_ap_50": functional.average_precision(truth, pred),
    }


def call_panoptica(truth: np.ndarray, pred: np.ndarray) -> Values:
    from panoptica import InputType, NaiveThresholdMatching, Panoptica_Evaluator

    evaluator = Panoptica_Evaluator(InputType.UNMATCHED_INSTANCE, instance_matcher=NaiveThresholdMatching())
    found = evaluator.evaluate(pred.astype(np.uint32), truth.astype(np.uint32), verbose=False)["ungrouped"]
    return {name: getattr(found, name) for name in ("tp", "fp", "fn", "pq", "sq", "rq")}


def call_torchmetrics(truth: np.ndarray, pred: np.ndarray) -> Values:
    import torch
    from torchmetrics.functional.detection import panoptic_quality

    def classes_and_ids(labels: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.stack([labels > 0, labels], -1).astype(np.int64))[None]

    images = classes_and_ids(pred), classes_and_ids(truth)
    whole = panoptic_quality(*images, things={1}, stuffs={0}, return_per_class=True, return_sq_and_rq=True)
    alone = panoptic_quality(*images, things={1}, stuffs=set(), allow_unknown_preds_category=True)
    pq, sq, rq = whole.reshape(-1, 3)[0].tolist()
    return {"pq": pq, "sq": sq, "rq": rq, "pq_no_background": float(alone)}


def call_hotcoco(truth: np.ndarray, pred: np.ndarray) -> Values:
    from hotcoco import COCO, mask, panoptic

    def segments(labels: np.ndarray, background: bool) -> list[dict]:
        kinds = [(k, 1) for k in np.unique(labels) if k] + ([(0, 2)] if background else [])
        rows = []
        for number, (k, category) in enumerate(kinds, 1):
            pixels = np.asfortranarray((labels == k).astype(np.uint8))
            code = mask.encode(pixels)
            code["counts"] = code["counts"].decode()
            row = {"id": number, "image_id": 1, "category_id": category, "segmentation": code, "iscrowd": 0}
            rows.append(row | {"area": int(pixels.sum()), "bbox": [0, 0, 1, 1], "score": 1.0})
        return rows

    def quality(background: bool) -> dict:
        categories = [{"id": 1, "name": "nucleus", "isthing": 1}]
        categories += [{"id": 2, "name": "background", "isthing": 0}] if background else []
        image = {"id": 1, "height": truth.shape[0], "width": truth.shape[1], "file_name": "image"}
        coco = {"images": [image], "categories": categories, "annotations": segments(truth, background)}
        expected = COCO(coco)
        evaluation = panoptic.PanopticEval(expected, expected.load_res(segments(pred, background)))
        evaluation.evaluate()
        return evaluation.results()["Things"]

    whole = quality(background=True)
    values = {name: whole[name] for name in ("pq", "sq", "rq")}
    return values | {"pq_no_background": quality(background=False)["pq"]}


CALLS: dict[str, Callable[[np.ndarray, np.ndarray], Values]] = {
    "stardist": call_stardist,
    "cellpose": call_cellpose,
    "cellseg-metrics": call_cellseg,
    "panoptica": call_panoptica,
    "torchmetrics": call_torchmetrics,
    "hotcoco": call_hotcoco,
}


# Formulas.


def aji_by_largest_intersection(table: metrics.OverlapTable) -> float:
    """Pair each truth object with all predictions of the largest intersection, regardless of IoU."""
    most = np.zeros(table.n_true, np.int64)
    np.maximum.at(most, table.true_index, table.shared)
    rows = table.shared == most[table.true_index]
    taken = np.zeros(table.n_pred, np.bool_)
    taken[table.pred_index[rows]] = True
    union = table.union[rows].sum() + table.true_area[most == 0].sum() + table.pred_area[~taken].sum()
    return table.shared[rows].sum() / (union + 1e-8)


def aji_of_cellpose(table: metrics.OverlapTable) -> float:
    """Divide the intersections of a matching, with most pairs of IoU >= 0.5, by the foreground union."""
    iou, shared = np.zeros((2, table.n_true, table.n_pred))
    iou[table.true_index, table.pred_index] = table.iou
    shared[table.true_index, table.pred_index] = table.shared
    rows = linear_sum_assignment((iou >= 0.5) + iou / (2 * min(iou.shape)), maximize=True)
    foreground = table.true_area.sum() + table.pred_area.sum() - table.shared.sum()
    return shared[rows].sum() / foreground


def largest_total_iou(table: metrics.OverlapTable, t: float) -> np.ndarray:
    """Return the IoUs above t in the one-to-one matching with the largest total IoU."""
    iou = _dense_iou(table)
    found = iou[linear_sum_assignment(iou, maximize=True)]
    return found[found > t]


def most_pairs_of_all(table: metrics.OverlapTable, t: float) -> np.ndarray:
    """Return the IoUs >= t in the matching with most such pairs, then the largest total IoU of all."""
    iou = _dense_iou(table)
    found = iou[linear_sum_assignment((iou >= t) + iou / (2 * min(iou.shape)), maximize=True)]
    return found[found >= t]


def _dense_iou(table: metrics.OverlapTable) -> np.ndarray:
    iou = np.zeros((table.n_true, table.n_pred))
    iou[table.true_index, table.pred_index] = table.iou
    return iou


def hausdorff_of_outlines(truth: np.ndarray, pred: np.ndarray) -> float:
    """Return the Hausdorff distance between the corners of pixels on the outlines of two masks."""
    corners = []
    for mask in (truth, pred):
        padded = np.pad(mask, 1).astype(int)
        around = padded[1:, 1:] + padded[:-1, 1:] + padded[1:, :-1] + padded[:-1, :-1]
        corners.append(np.argwhere((around > 0) & (around < 4)))
    return max(cKDTree(a).query(b)[0].max() for a, b in (corners, corners[::-1]))


def pq_with_void(table: metrics.OverlapTable, *, both_ways: bool) -> float:
    """Return PQ by the COCO panoptic protocol if the background is not a segment and therefore void.

    Void pixels do not count in a union, and a prediction with more than half of its pixels on them is not a
    false positive. both_ways: the same holds for truth objects on the background of the prediction.
    """
    void_of_pred = table.pred_area - np.bincount(table.pred_index, table.shared, table.n_pred)
    void_of_true = table.true_area - np.bincount(table.true_index, table.shared, table.n_true)
    union = table.union - void_of_pred[table.pred_index] - both_ways * void_of_true[table.true_index]
    hits = table.shared / union > 0.5
    missed, spurious = np.ones(table.n_true, np.bool_), np.ones(table.n_pred, np.bool_)
    missed[table.true_index[hits]] = spurious[table.pred_index[hits]] = False
    spurious &= 2 * void_of_pred <= table.pred_area
    if both_ways:
        missed &= 2 * void_of_true <= table.true_area
    return 2 * (table.shared / union)[hits].sum() / (2 * hits.sum() + spurious.sum() + missed.sum())


def expected(name: str, truth: np.ndarray, pred: np.ndarray) -> Values:
    """Return the values that the program must give, computed from our table with its formula."""
    inclusive = name in ("stardist", "cellpose", "panoptica")
    ours = metrics.score(truth, pred, inclusive=inclusive)
    table = metrics.overlap_table(truth, pred)
    values = ours.to_dict()
    if name == "hover_net":
        values["sq"] = ours.iou_sum / (ours.tp + 1e-6)
        values["pq"] = ours.rq * values["sq"]
    elif name == "cellpose":
        values["aji_cellpose"] = aji_of_cellpose(table)
        values |= {k: float(np.float32(v)) for k, v in values.items() if k.startswith("ap_")}
    elif name == "cellseg-metrics":
        values["rq"] = ours.tp / (ours.tp + 0.5 * ours.fp + 0.5 * ours.fn + 1e-8)
        iou = table.shared / (table.union + 1e-8)
        values["sq"] = iou[2 * table.shared > table.union].sum() / (ours.tp + 1e-8)
        values["pq"] = values["rq"] * values["sq"]
        values["dice2"] = ours.dice2_numerator / (ours.dice2_denominator + 1e-8)
        values["precision_named_ap_50"] = ours.tp / (ours.tp + ours.fp + 1e-8)
        values["aji_largest_intersection"] = aji_by_largest_intersection(table)
    elif name in ("hotcoco", "torchmetrics"):
        values["pq_no_background"] = pq_with_void(table, both_ways=name == "torchmetrics")
    return values


def tolerance(name: str, metric: str) -> float:
    """Return 1e-12, or 1e-7 for values that a program computes in single precision."""
    single = name == "torchmetrics" or (name == "stardist" and metric in ("sq", "pq"))
    return 1e-7 if single else 1e-12
