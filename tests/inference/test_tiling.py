"""Tiles of every size give the same scores and labels as the whole image."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lightning_fabric import Fabric
from torch import nn

from fcrbench import datasets
from fcrbench.errors import UsageError
from fcrbench.inference import Predictor, load_predictor, tiling
from fcrbench.methods import registry
from fcrbench.work import progress


class Small(nn.Module):
    """Two levels: stride 2; by hand, a block of two rows reaches 5 rows further on either side.

    From the output back: convolution 1, upsampling 1 (half a coarse pixel), coarse convolution 2, pooling 0,
    convolution 1.
    """

    def __init__(self):
        super().__init__()
        self.first, self.coarse = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
        self.last = nn.Conv2d(6, 2, 3, padding=1)

    def forward(self, x):
        x = self.first(x).relu()
        coarse = self.coarse(nn.functional.max_pool2d(x, 2)).relu()
        up = nn.functional.interpolate(coarse, scale_factor=2, mode="bilinear")
        return self.last(torch.cat([x, up], dim=1))


class Slices:
    """Nothing but shape, dtype and slicing, as a Zarr array has; counts the pixels that are read at once."""

    def __init__(self, array):
        self.array, self.largest = array, 0

    shape = property(lambda self: self.array.shape)
    dtype = property(lambda self: self.array.dtype)

    def __getitem__(self, window):
        part = self.array[window]
        self.largest = max(self.largest, part.size)
        return part


@pytest.fixture(scope="module")
def mosaic():
    """Parts of real fields side by side, 12 bits in 16; both sides odd."""
    fields = datasets.create("sample")
    images = [fields.load(i).image for i in fields.splits["val"][:2]]
    return np.concatenate(images, axis=1)[:301, 400:1001]


@pytest.fixture(scope="module")
def predictor():
    return load_predictor(device="cpu", precision="32")


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    side=st.integers(1, 40),
    halo=st.integers(0, 30),
    stride=st.sampled_from([1, 2, 4, 16]),
)
def test_tiles_cover_every_pixel_once_with_their_halo(shape, side, halo, stride):
    seen = np.zeros(shape, int)
    for tile in tiling.iterate_tiles(shape, side, halo, stride):
        seen[tile.inner] += 1
        for inner, outer, length in zip(tile.inner, tile.outer, shape, strict=True):
            assert outer.start % stride == inner.start % stride == 0
            assert outer.start <= max(inner.start - halo, 0)
            assert min(inner.stop + halo, length) <= outer.stop <= length
            assert inner.start < inner.stop <= inner.start + -(-side // stride) * stride
    assert (seen == 1).all()


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 60), st.integers(1, 60)), side=st.integers(2, 24), seed=st.integers(0, 99)
)
def test_a_small_network_in_tiles_equals_itself(shape, side, seed):
    torch.manual_seed(seed)
    method = registry.create("fcrnet")
    method.stride = 2
    fabric = Fabric(accelerator="cpu", devices=1)
    image = np.random.default_rng(seed).integers(0, 4000, shape).astype(np.uint16)
    network = Small()
    whole, tiled = Predictor(method, network, fabric, tile=0), Predictor(method, network, fabric, tile=side)
    np.testing.assert_allclose(tiled.scores(image), whole.scores(image), rtol=0, atol=1e-5)


def test_reach_is_that_of_the_gradient():
    """Which rows a block of outputs depends on, by automatic differentiation, weights all positive."""
    network = Small()
    for parameter in network.parameters():
        nn.init.constant_(parameter, 0.1)
    image = torch.rand(1, 1, 32, 8).requires_grad_()
    network(image)[:, :, 16:18].sum().backward()
    rows = image.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    exact = max(16 - int(rows[0]), int(rows[-1]) - 17)
    assert exact == 5
    assert (
        tiling.measure_halo(lambda images, row, column: network(images), 2) == 6
    )  # a multiple of the stride


def test_the_halo_is_needed(predictor, mosaic):
    """With half of it, scores change: what the other tests compare can differ."""
    normal = predictor.method.normalize(mosaic[:, :500])

    def scores(window, tile):
        return predictor._score_tile(window, tile).numpy()

    whole = scores(normal, tiling.whole_image_tile(301, 500))
    for halo, equal in ((predictor.halo, True), (predictor.halo // 4 // 16 * 16, False)):
        tiled = tiling.score_tiles(normal, scores, side=256, halo=halo, stride=16)
        assert bool(np.abs(tiled - whole).max() < 1e-4) == equal


def assert_same_labels(predictor, image, found):
    """As of the whole image, but for pixels whose class is a matter of rounding: two scores nearly equal."""
    whole = predictor(image)
    second, first = np.sort(predictor.scores(image), axis=0)[-2:]
    sure = first - second >= 1e-4
    assert whole.max() > 20
    assert (~sure).sum() < 20
    np.testing.assert_array_equal(found[sure], whole[sure])


@pytest.mark.parametrize("side", [200, 256])
def test_real_nuclei_in_tiles_get_the_same_labels(predictor, mosaic, side):
    predictor.tile = side
    try:
        tiled = predictor(mosaic)
    finally:
        predictor.tile = None
    assert_same_labels(predictor, mosaic, tiled)


def test_anything_with_slices_is_read_by_tiles(predictor, mosaic, monkeypatch):
    monkeypatch.setattr(tiling, "TILE_SIDE", 256)
    source = Slices(mosaic)
    predictor.tile = 256
    try:
        labels = predictor(source)
    finally:
        predictor.tile = None
    assert source.largest < mosaic.size
    assert_same_labels(predictor, mosaic, labels)
    with pytest.raises(TypeError, match="8- or 16-bit integers"):
        predictor(Slices(mosaic.astype(np.float32)))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16])
def test_a_lookup_table_normalises_as_the_method_does(dtype, monkeypatch):
    rng = np.random.default_rng(0)
    info = np.iinfo(dtype)
    image = np.clip(rng.normal(info.max / 3, info.max / 9, (130, 77)), info.min, info.max).astype(dtype)
    method = registry.create("fcrnet")
    expected = method.normalize(image)
    np.testing.assert_allclose(tiling.make_normalizer(method, image)(image), expected, atol=2e-5)
    monkeypatch.setattr(tiling, "_MAX_SAMPLE_PIXELS", 2000)  # as if the image were too large
    difference = np.abs(tiling.make_normalizer(method, image)(image) - expected)
    assert np.quantile(difference, 0.95) < 0.02


def test_large_images_are_tiled_and_small_ones_not(predictor, mosaic, monkeypatch):
    seen = []
    monkeypatch.setattr(tiling, "MAX_UNTILED_PIXELS", mosaic.size - 1)
    monkeypatch.setattr(tiling, "TILE_SIDE", 240)
    scores = predictor._score_tile
    monkeypatch.setattr(
        predictor, "_score_tile", lambda normal, tile: seen.append(normal.shape) or scores(normal, tile)
    )
    predictor.scores(mosaic)
    assert len(seen) == 6
    predictor.scores(mosaic[:-1])
    assert seen[6:] == [(300, 601)]


def test_how_far_it_is_stands_in_the_log(predictor, mosaic, monkeypatch, caplog):
    caplog.set_level("INFO", logger="fcrbench")
    predictor.tile = 256
    try:
        predictor(mosaic)
        assert not caplog.messages  # it takes seconds
        monkeypatch.setattr(progress, "LOG_EVERY", 0.0)
        predictor(mosaic)
    finally:
        predictor.tile = None
    assert len(caplog.messages) == 5
    for done, line in enumerate(caplog.messages, 1):
        assert re.fullmatch(rf"network: {done} of 6 tiles, \d+ s left", line)


def test_a_network_that_sees_everything_is_not_tiled(monkeypatch):
    class Everything(nn.Module):
        def forward(self, x):
            return x - x.mean(dim=(2, 3), keepdim=True)

    network = Everything()
    assert tiling.measure_halo(lambda images, row, column: network(images), 16) is None
    method = registry.create("fcrnet")
    fabric = Fabric(accelerator="cpu", devices=1)
    image = np.zeros((40, 40), np.uint16)
    monkeypatch.setattr(tiling, "MAX_UNTILED_PIXELS", 100)
    assert Predictor(method, network, fabric).scores(image).shape == (1, 40, 40)  # at once, as it must
    with pytest.raises(UsageError, match="cannot be tiled"):
        Predictor(method, network, fabric, tile=16).scores(image)


class ByPlace(nn.Module):
    """Adds a wave over the columns of the whole image; `at`, if it is there, knows where they are."""

    def __init__(self, knows_position):
        super().__init__()
        if knows_position:
            self.at = self.placed

    def forward(self, images):
        return self.placed(images, 0, 0)

    def placed(self, images, row, column):
        wave = (0.1 * (torch.arange(images.shape[3]) + column)).sin()
        return torch.cat([images + wave, images - wave], dim=1)


class BySize(nn.Module):
    """Interpolation that takes the outermost pixels as the ends of both images."""

    def forward(self, images):
        coarse = nn.functional.max_pool2d(images, 2)
        up = nn.functional.interpolate(coarse, images.shape[2:], mode="bilinear", align_corners=True)
        return torch.cat([images, up], dim=1)


def test_a_network_that_depends_on_the_place_is_told_it():
    method, fabric = registry.create("fcrnet"), Fabric(accelerator="cpu", devices=1)
    image = np.random.default_rng(0).integers(0, 4000, (90, 130)).astype(np.uint16)
    whole = Predictor(method, ByPlace(knows_position=True), fabric, tile=0).scores(image)
    tiled = Predictor(method, ByPlace(knows_position=True), fabric, tile=32).scores(image)
    np.testing.assert_array_equal(tiled, whole)


@pytest.mark.parametrize("network", [ByPlace(knows_position=False), BySize()], ids=["place", "size"])
def test_a_network_that_depends_on_more_than_it_is_told_is_not_tiled(network, monkeypatch):
    method, fabric = registry.create("fcrnet"), Fabric(accelerator="cpu", devices=1)
    monkeypatch.setattr(tiling, "MAX_UNTILED_PIXELS", 100)
    assert Predictor(method, network, fabric).tile_side(np.zeros((40, 40), np.uint16)) == 0
    with pytest.raises(UsageError, match=r"cannot be tiled.*or on its size"):
        Predictor(method, network, fabric, tile=16).scores(np.zeros((40, 40), np.uint16))


def test_old_names_of_the_predictor_warn():
    predictor = Predictor(
        registry.create("fcrnet"), nn.Identity(), Fabric(accelerator="cpu", devices=1), tile=32
    )
    with pytest.warns(DeprecationWarning, match="Predictor.side is now called tile_side"):
        assert predictor.side(np.zeros((4, 4), np.uint16)) == 32
    with pytest.warns(DeprecationWarning, match="Predictor.reach is now called halo"):
        assert predictor.reach == predictor.halo


def test_masked_pixels_are_refused():
    from fcrbench.inference import load_predictor

    predictor = load_predictor(device="cpu")
    image = np.arange(64 * 64).reshape(64, 64)
    masked = np.ma.masked_less(image, 9)
    for call in (predictor, predictor.scores, predictor.classes):
        with pytest.raises(ValueError, match="image: expected an array without masked pixels, found 9"):
            call(masked)
    np.testing.assert_array_equal(predictor(np.ma.masked_array(image)), predictor(image))
