"""What looks like no label image is recognized, and true label images are not suspected."""

import io
import warnings

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from scipy.spatial import cKDTree

from fcrbench import datasets, metrics
from fcrbench.errors import DataError, LabelWarning
from fcrbench.kernels.rows import count_row_runs
from fcrbench.label_checks import Findings, components_of_mask, looks_like
from fcrbench.postprocess import label


@pytest.fixture(scope="module")
def fields():
    return list(datasets.create("sample").samples("val"))


def kind(labels):
    finding = looks_like(labels)
    return finding and finding.kind


def jpeg(labels, quality):
    file = io.BytesIO()
    Image.fromarray(labels.astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


def resized(labels, factor, order):
    return np.round(ndimage.zoom(labels.astype(float), factor, order=order)).clip(0).astype(np.uint16)


DAMAGED = {
    "bool": ("mask", lambda field: field.labels > 0),
    "0/1": ("mask", lambda field: (field.labels > 0).astype(np.int64)),
    "0/255": ("mask", lambda field: np.where(field.labels > 0, 255, 0).astype(np.uint8)),
    "JPEG": ("interpolated", lambda field: jpeg(field.labels, 75)),
    "good JPEG": ("interpolated", lambda field: jpeg(field.labels, 95)),
    "smaller": ("interpolated", lambda field: resized(field.labels, 0.7, 1)),
    "larger": ("interpolated", lambda field: resized(field.labels, 1.6, 1)),
    "cubic": ("interpolated", lambda field: resized(field.labels, 1.6, 3)),
    "ids far apart": ("interpolated", lambda field: resized(field.labels * 7919 % 60000, 1.6, 1)),
    "mask as JPEG": ("interpolated", lambda field: jpeg((field.labels > 0) * 255, 90)),
    "16 bit": ("intensities", lambda field: field.image),
    "8 bit": ("intensities", lambda field: (255.0 * field.image / field.image.max()).astype(np.uint8)),
}
TRUE = {
    "as it is": lambda labels: labels,
    "other layout": lambda labels: labels.T,
    "to the nearest pixel": lambda labels: labels[::2, ::2],
    "tile": lambda labels: labels[:96, :96],
    "ids with gaps": lambda labels: labels * 7919,
    "class map": lambda labels: (labels > 0) * (1 + labels % 3),
    "border and inside": lambda labels: (labels > 0) * (1 + (ndimage.minimum_filter(labels, 3) == labels)),
    "one object": lambda labels: (labels == 3).astype(np.uint8),
    "one object in three pieces": lambda labels: np.isin(labels, [3, 5, 9]).astype(np.uint8),
    "one object with specks": lambda labels: (
        (labels == 3) | (np.arange(labels.size).reshape(labels.shape) % 40_009 == 0)
    ).astype(np.uint8),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_what_is_no_label_image_is_recognized(fields, damage):
    expected, change = DAMAGED[damage]
    assert [kind(change(field)) for field in fields[:4]] == [expected] * 4


@pytest.mark.parametrize("change", TRUE)
def test_true_label_images_are_not_suspected(fields, change):
    assert [kind(TRUE[change](field.labels)) for field in fields] == [None] * len(fields)


def test_crowded_and_tiny_objects_are_not_suspected():
    rng = np.random.default_rng(0)
    pixels = np.indices((300, 400)).reshape(2, -1).T
    for n in (300, 3000, 12000):
        seeds = rng.uniform(0, 1, (n, 2)) * [300, 400]
        seeds = seeds[np.lexsort(seeds.T)]  # ids in raster order, as most programs give them
        crowd = cKDTree(seeds).query(pixels)[1].reshape(300, 400) + 1
        ragged = np.where(rng.random(crowd.shape) < 0.3, np.roll(crowd, 1, 1), crowd)
        with_holes = np.where(rng.random(crowd.shape) < 0.1, 0, crowd)
        assert [kind(x) for x in (crowd, ragged, with_holes)] == [None] * 3, n
    dots = np.zeros((200, 300), np.int32)
    dots.flat[rng.permutation(dots.size)[:3000]] = np.arange(1, 3001)
    every_pixel = np.arange(1, dots.size + 1).reshape(dots.shape)
    for labels in (dots, every_pixel, rng.permutation(every_pixel.reshape(-1)).reshape(dots.shape)):
        assert kind(labels) is None


@pytest.mark.parametrize("shape", [(0, 5), (1, 1), (1, 50), (50, 1), (3, 0, 4), (2, 1, 50), (1, 20, 30)])
@pytest.mark.parametrize("value", [0, 1, 255])
def test_any_shape_is_taken(shape, value):
    assert kind(np.full(shape, value)) is None


def test_volumes():
    volume = np.zeros((12, 90, 80), np.int32)
    for i in range(24):
        z, y, x = i // 12, i // 4 % 3, i % 4
        volume[1 + 6 * z : 5 + 6 * z, 4 + 30 * y : 24 + 30 * y, 2 + 20 * x : 17 + 20 * x] = i + 1
    assert kind(volume) is None
    assert looks_like(volume > 0).details == "one id in 24 pieces"
    assert kind(np.random.default_rng(0).poisson(100, volume.shape)) == "intensities"
    assert kind(np.zeros((2, 3, 4, 5), int)) is None


def test_part_of_a_large_image_is_enough():
    large = np.zeros((5000, 5000), np.uint8)
    large[2000:3000:20, 2000:3000:20] = 255
    assert kind(ndimage.maximum_filter(large, 9)) == "mask"
    noise = np.random.default_rng(0).poisson(50, (500, 700)).astype(np.uint16)
    assert kind(np.tile(noise, (3, 3))) == "intensities"


def test_rows_are_counted_by_their_definition():
    rows = np.array([[0, 0, 0, 1, 3, 3, 3, 5, 0, 0], [0, 9, 9, 9, 2, 2, 2, 1, 1, 7]], np.uint16)
    runs, short, pixels, short_pixels, sharp, blended, is_single = count_row_runs(rows.reshape(-1), 10, 0, 1)
    assert (runs, short, pixels, short_pixels) == (7, 4, 14, 5)
    assert (sharp, blended) == (1, 1)  # 9 beside 2; the 1 between 0 and 3
    assert not is_single
    assert count_row_runs(np.array([0, 4, 0, 4], np.uint8), 4, 0, 1)[-1]
    assert count_row_runs(rows.reshape(-1), 10, 1, 1)[:2] == (4, 2)


def test_a_mask_is_labelled_as_post_processing_does(fields):
    mask = np.where(fields[0].labels > 0, 255, 0)
    labels = components_of_mask(mask, "mask.png")
    np.testing.assert_array_equal(labels, label(mask > 0)[0])
    assert components_of_mask(np.eye(3, dtype=bool), "corners").max() == 3
    assert not components_of_mask(np.zeros((3, 4), np.uint8), "empty").any()
    with pytest.raises(DataError, match=r"^a.png: expected a mask .* found 4 values: 1, 2, 3, "):
        components_of_mask(np.arange(5)[None], "a.png")


def test_images_are_counted_once_for_each_role_and_kind(fields):
    found = Findings()
    mask, image = looks_like(fields[0].labels > 0), looks_like(fields[0].image)
    for i in range(12):
        found.add(f"f{i}.tif", {"truth": mask, "pred": image if i == 3 else None})
    truth, pred = found.messages({"mask": "--label-mask {role} labels its components"})
    pieces = label(fields[0].labels > 0)[1]
    assert truth == (
        f"truth looks like a mask of 0 and 1: one id in {pieces} pieces (f0.tif and 11 more of 12); "
        "--label-mask truth labels its components"
    )
    assert pred.startswith("pred looks like an image of intensities: ")
    assert "(f3.tif, 1 of 12)" in pred


def test_metrics_warn_in_python(fields):
    truth = fields[0].labels
    with pytest.warns(LabelWarning, match=r"^pred looks like a mask of 0 and 1; postprocess.label") as caught:
        metrics.score(truth, truth > 0)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    pairs = [(field.id, field.labels > 0, field.labels) for field in fields]
    with pytest.warns(LabelWarning, match=rf"^truth .* \({fields[0].id} and 9 more of 10\); ") as caught:
        table = metrics.score_dataset(pairs, workers=2).table
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert len(table) == 10
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics.score(truth, np.roll(truth, 1))
        metrics.score_dataset((name, pred, pred) for name, _, pred in pairs)
