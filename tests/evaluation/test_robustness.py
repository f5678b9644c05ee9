"""Corruptions are compared with their definitions, and the curves and the page are checked."""

import csv
import re

import numpy as np
import pytest
from drawn_fields import blocks, threshold
from scipy import ndimage

from fcrbench import datasets
from fcrbench.datasets import Sample
from fcrbench.errors import UsageError
from fcrbench.evaluation import corruptions, robustness
from fcrbench.report import robustness as page

RNG = np.random.default_rng(0)


def image(dtype, shape=(12, 15)):
    return RNG.integers(0, np.iinfo(dtype).max, shape).astype(dtype)


def naive_defocus(picture, radius, fine=5):
    """Return the mean over the sub-pixels within `radius` of the centre of a pixel, with mirrored borders."""
    half = int(np.ceil(radius))
    padded = np.pad(picture.astype(float), half, mode="symmetric")
    out = np.zeros(picture.shape)
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            values = []
            for dy in range(-half, half + 1):
                for dx in range(-half, half + 1):
                    for i in range(fine):
                        for j in range(fine):
                            sy, sx = dy + (i + 0.5) / fine - 0.5, dx + (j + 0.5) / fine - 0.5
                            if sy**2 + sx**2 <= radius**2:
                                values.append(padded[y + dy + half, x + dx + half])
            out[y, x] = np.mean(values)
    return np.rint(out)


@pytest.mark.parametrize("radius", [0.7, 2.1])
def test_defocus_is_the_mean_over_a_disc(radius):
    picture = image(np.uint16, (9, 11))
    blurred = corruptions.defocus(picture, radius)
    assert blurred.dtype == np.uint16
    np.testing.assert_allclose(blurred, naive_defocus(picture, radius), atol=1)
    np.testing.assert_array_equal(corruptions.defocus(np.full((9, 9), 77, np.uint8), radius), 77)


def test_noise_has_the_stated_deviation():
    picture = np.full((200, 200), 30_000, np.uint16)
    picture[:, :100] = 10_000  # the range is 20,000
    noisy = corruptions.add_noise(picture, 5, np.random.default_rng(1))
    assert noisy.dtype == np.uint16
    assert (noisy.astype(float) - picture).std() == pytest.approx(1000, rel=0.02)
    np.testing.assert_array_equal(noisy, corruptions.add_noise(picture, 5, np.random.default_rng(1)))
    saturated = corruptions.add_noise(np.array([[0, 255]] * 50, np.uint8), 40, np.random.default_rng(1))
    assert {0, 255} <= set(saturated.ravel().tolist())


def test_gain_is_rounded_and_cut_off():
    picture = np.array([[0, 3, 100, 255]], np.uint8)
    np.testing.assert_array_equal(corruptions.apply_gain(picture, 2), [[0, 6, 200, 255]])
    np.testing.assert_array_equal(corruptions.apply_gain(picture, 1 / 16), [[0, 0, 6, 16]])
    assert corruptions.apply_gain(picture.astype(np.float32), 2).tolist() == [[0, 6, 200, 510]]


@pytest.mark.parametrize("n", [1, 4, 8, 10])
def test_bits_keep_so_many_gray_levels(n):
    picture = image(np.uint16, (60, 60))
    fewer = corruptions.reduce_bits(picture, n)
    assert (int(fewer.min()), int(fewer.max())) == (0, 2**n - 1)
    assert fewer.dtype == (np.uint8 if n <= 8 else np.uint16)
    low, step = float(picture.min()), (float(picture.max()) - picture.min()) / (2**n - 1)
    assert np.abs(low + fewer * step - picture).max() <= step / 2 + 1e-6
    np.testing.assert_array_equal(corruptions.reduce_bits(np.full((3, 3), 9, np.uint16), 8), 0)


@pytest.mark.parametrize("factor", [0.5, 0.67, 1.5, 2])
def test_scale_resizes_image_and_truth_alike(factor):
    drawn = datasets.create("synthetic", size=96, n_nuclei=6, n_train=1, n_val=0)
    sample = next(drawn.samples("train"))
    scaled = corruptions.resize(sample, factor)
    shape = tuple(round(96 * factor) for _ in range(2))
    assert scaled.image.shape == scaled.labels.shape == shape
    assert scaled.image.dtype == sample.image.dtype
    assert set(np.unique(scaled.labels)) == set(np.unique(sample.labels))
    for i in np.unique(sample.labels)[1:]:
        before, after = (np.array(ndimage.center_of_mass(s.labels == i)) for s in (sample, scaled))
        np.testing.assert_allclose((after + 0.5) / factor, before + 0.5, atol=1)
        assert (scaled.labels == i).sum() == pytest.approx((sample.labels == i).sum() * factor**2, rel=0.15)
    flat = Sample("flat", np.full((30, 20), 500, np.uint16), np.ones((30, 20), np.int32))
    assert (corruptions.resize(flat, factor).image == 500).all()


def test_curves_start_at_the_truth_and_fall():
    chosen = corruptions.choose_corruptions("all", np.dtype(np.uint16))
    points = robustness.measure(threshold, blocks(), chosen)
    assert len(points) == sum(len(corruption.levels) for corruption in chosen)
    for point in points:
        ap, less = point.metrics["ap"], point.differences["ap"]
        assert ap["low"] <= ap["mean"] <= ap["high"]
        assert less["difference"] == pytest.approx(ap["mean"] - 1)
        if point.level == point.corruption.neutral or point.corruption.name in ("gain", "bits"):
            assert ap["mean"] == 1
    worst = {point.corruption.name: point.metrics["ap"]["mean"] for point in points}
    last = [p for p in points if p.corruption.name == "noise"][-1]
    assert last.metrics["ap"]["mean"] < 0.7
    assert worst.keys() == {"blur", "noise", "gain", "scale", "bits"}


def test_noise_depends_on_seed_field_and_level_alone():
    chosen = corruptions.choose_corruptions("noise", np.dtype(np.uint16))

    def rows(fields, seed):
        points = robustness.measure(threshold, fields, chosen, seed=seed)
        return {(p.level, row["image"]): row["ap"] for p in points for _, row in p.table.iterrows()}

    forward = rows(blocks(), 0)
    assert rows(blocks()[::-1], 0) == forward
    assert rows(blocks(), 1) != forward
    assert {k: v for k, v in forward.items() if k[1] == "field2"} == rows([blocks()[2]], 0)


def test_levels_end_at_the_stored_depth():
    assert corruptions.choose_corruptions("bits", np.dtype(np.uint8))[0].levels == (4, 5, 6, 8)
    assert corruptions.choose_corruptions("bits", np.dtype(np.uint16))[0].levels[-1] == 16
    with pytest.raises(UsageError, match="unknown corruption 'blurr'; did you mean 'blur'"):
        corruptions.choose_corruptions("noise,blurr", np.dtype(np.uint16))


def test_the_page_and_the_tables_hold_every_level(tmp_path):
    data = datasets.create("sample")
    points = robustness.measure(
        threshold, blocks(), corruptions.choose_corruptions("blur,bits", np.dtype(np.uint16))
    )
    what = {
        "title": "threshold <b>", "weights": "none", "method": "threshold", "sha256": "0", "split": "val",
        "n_images": 4, "seed": 0, "manifest": {"fcrbench": "0", "created": "now", "command": "fcrbench"},
    }  # fmt: skip
    page.write(points, data, what, tmp_path)
    rows = list(csv.DictReader((tmp_path / "robustness.csv").open()))
    assert [(row["corruption"], float(row["level"])) for row in rows] == [
        (point.corruption.name, point.level) for point in points
    ]
    assert float(rows[3]["ap"]) == pytest.approx(points[3].table["ap"].mean())
    assert len(list(csv.DictReader((tmp_path / "images.csv").open()))) == 4 * len(points)
    html = (tmp_path / "robustness.html").read_text()
    assert html.count('<svg class="chart"') == 2
    assert html.count('src="data:image/png;base64,') == len(points)
    assert "threshold &lt;b&gt;" in html
    assert not re.search(r'(?:src|href)="(?!data:|#|https://bbbc)', html)
    assert "8-bit images against the 16-bit ones they were made from: AP 0.0000" in html
    assert page.describe_eight_bits([]) == ""


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-0.009, 0.004, "within 0.01"),
        (-0.0229, 0.0108, "too few images to tell whether within 0.01"),
        (-0.03, -0.011, "not within 0.01"),
        (0.02, 0.03, "not within 0.01"),
        (np.nan, np.nan, "too few images to tell whether within 0.01"),
    ],
)
def test_eight_bits_are_called_equal_only_where_the_interval_says_so(low, high, words):
    assert page._verdict({"difference": 0.0, "low": low, "high": high}) == words


def test_one_field_has_no_interval(tmp_path, recwarn):
    data = datasets.create("sample")
    points = robustness.measure(
        threshold, blocks()[:1], corruptions.choose_corruptions("bits", np.dtype(np.uint16))
    )
    what = {
        "title": "one", "weights": "none", "method": "threshold", "sha256": "0", "split": "val",
        "n_images": 1, "seed": 0, "manifest": {"fcrbench": "0", "created": "now", "command": "fcrbench"},
    }  # fmt: skip
    page.write(points, data, what, tmp_path)
    rows = list(csv.DictReader((tmp_path / "robustness.csv").read_text().splitlines()))
    assert {row["ap_low"] for row in rows} == {row["f1_difference_high"] for row in rows} == {""}
    html = re.sub(r'base64,[^"]*', "", (tmp_path / "robustness.html").read_text())
    assert not re.search(r"\bnan\b", html, re.IGNORECASE)
    assert page.describe_eight_bits(points).endswith("AP 0.0000, too few images to tell whether within 0.01.")
    assert [str(w.message) for w in recwarn] == []
