"""Connected components against flood fill and scipy."""

from itertools import product

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from strategies import label_images, laid_out

from fcrbench import postprocess

ALL_CONNECTIVITIES = [(2, 1), (2, 2), (3, 1), (3, 2), (3, 3)]  # dimensions, connectivity


def structure(n_dim: int, connectivity: int) -> np.ndarray:
    return ndimage.generate_binary_structure(n_dim, connectivity)


def scipy_label(image: np.ndarray, connectivity: int) -> tuple[np.ndarray, int]:
    """Label each value with scipy, and renumber in raster order."""
    parts = np.zeros(image.shape, np.int64)
    count = 0
    for value in np.unique(image[image != 0]):
        labels, n = ndimage.label(image == value, structure(image.ndim, connectivity))
        parts[labels > 0] = labels[labels > 0] + count
        count += n
    return oracles.renumber(parts), count


def check(image: np.ndarray, connectivity: int) -> None:
    labels, n = postprocess.label(image, connectivity=connectivity)
    expected, count = scipy_label(image, connectivity)
    assert n == count
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("connectivity", [1, 2])
def test_every_3x3_binary_pattern(connectivity: int) -> None:
    for bits in product((0, 1), repeat=9):
        image = np.array(bits, np.uint8).reshape(3, 3)
        labels, n = postprocess.label(image, connectivity=connectivity)
        expected, count = ndimage.label(image, structure(image.ndim, connectivity))
        assert n == count
        np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("connectivity", [1, 2])
@pytest.mark.parametrize("shape", [(4, 4), (2, 8), (8, 2), (1, 12), (12, 1), (5, 70), (3, 200)])
def test_small_samples_of_many_values(shape: tuple[int, int], connectivity: int) -> None:
    rng = np.random.default_rng(0)
    for k in range(300):
        check(rng.integers(0, 2 + k % 4, shape).astype(np.uint8), connectivity)


def test_every_2x2x2_binary_pattern_inside_a_volume() -> None:
    for bits in product((0, 1), repeat=8):
        image = np.zeros((3, 3, 3), np.uint8)
        image[:2, 1:, :2] = np.array(bits).reshape(2, 2, 2)
        for connectivity in (1, 2, 3):
            check(image, connectivity)


@pytest.mark.parametrize("connectivity", [1, 2, 3])
@pytest.mark.parametrize(
    "shape", [(3, 3, 3), (4, 4, 4), (1, 5, 6), (6, 1, 5), (6, 5, 1), (2, 1, 90), (3, 4, 70), (30, 1, 1)]
)
def test_small_volumes_of_many_values(shape: tuple[int, int, int], connectivity: int) -> None:
    rng = np.random.default_rng(0)
    for k in range(100):
        image = rng.integers(0, 2 + k % 4, shape).astype([np.uint8, np.uint16, np.uint32, np.uint64][k % 4])
        check(image, connectivity)
        check(image.T, connectivity)


def tunnel(n: int) -> np.ndarray:
    """Return a path, one voxel wide, through every second plane and row."""
    volume = np.zeros((n, n, n), np.uint8)
    volume[::2, ::2] = 1
    for z in range(0, n, 2):
        for y in range(1, n, 2):
            volume[z, y, -1 if (y // 2) % 2 else 0] = 1
    for z in range(1, n, 2):
        volume[z, -1 if (z // 2) % 2 == 0 else 0, 0] = 1
    return volume


@pytest.mark.parametrize("connectivity", [1, 2, 3])
@pytest.mark.parametrize(
    "volume",
    [
        tunnel(15),
        1 - tunnel(15),
        np.indices((9, 10, 70)).sum(0) % 2,
        np.indices((9, 10, 70)).sum(0) % 3,
        np.stack([np.eye(67, dtype=int)] * 3),
        np.ones((3, 5, 130), int),
    ],
    ids=["tunnel", "walls", "checkers", "stripes", "diagonals", "full"],
)
def test_volumes_that_are_hard_to_join(volume: np.ndarray, connectivity: int) -> None:
    for axes in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        check(np.ascontiguousarray(volume.transpose(axes)).astype(np.uint8), connectivity)


def test_a_volume_of_one_plane_is_an_image() -> None:
    image = np.random.default_rng(0).integers(0, 3, (40, 130)).astype(np.uint8)
    for in_plane, connectivity in ((1, 1), (2, 2), (2, 3)):
        expected, count = postprocess.label(image, connectivity=in_plane)
        labels, n = postprocess.label(image[None], connectivity=connectivity)
        assert n == count
        np.testing.assert_array_equal(labels[0], expected)


def spiral(n: int) -> np.ndarray:
    """Return a path, one pixel wide, that winds inwards."""
    image = np.zeros((n, n), np.uint8)
    y, x, dy, dx = 0, 0, 0, 1
    image[0, 0] = 1
    for length in [n - 1, n - 1, n - 1, *(m for k in range(n - 3, 0, -2) for m in (k, k))]:
        for _ in range(length):
            y, x = y + dy, x + dx
            image[y, x] = 1
        dy, dx = dx, -dy
    return image


def comb(n: int) -> np.ndarray:
    image = np.zeros((n, n), np.uint8)
    image[:, ::2] = 1
    image[-1] = 1
    return image


def zigzag(n: int) -> np.ndarray:
    return (np.add.outer(np.arange(n), np.abs(np.arange(n) % 8 - 4)) % 4 < 2).astype(np.uint8)


@pytest.mark.parametrize("connectivity", [1, 2])
@pytest.mark.parametrize(
    "image",
    [
        spiral(65),
        1 - spiral(66),
        comb(67),
        comb(67)[::-1],
        zigzag(130),
        np.indices((70, 131)).sum(0) % 2,
        np.indices((70, 131)).sum(0) % 3,
        np.ones((3, 9000), int),
        np.tile([0, 1, 2], 5000)[None],
        np.zeros((64, 64), int),
    ],
    ids=[
        "spiral",
        "inverse",
        "comb",
        "upside",
        "zigzag",
        "checkers",
        "stripes",
        "long",
        "teeth",
        "nothing",
    ],
)
def test_shapes_that_are_hard_to_join(image: np.ndarray, connectivity: int) -> None:
    check(image.astype(np.uint8), connectivity)
    check(image.T.astype(np.uint8), connectivity)


@settings(max_examples=150)
@given(
    data=st.data(),
    background=st.one_of(st.none(), st.integers(-2, 6)),
    kind=st.sampled_from(ALL_CONNECTIVITIES),
)
def test_any_dtype_layout_and_background(
    data: st.DataObject, background: int | None, kind: tuple[int, int]
) -> None:
    n_dim, connectivity = kind
    shape = tuple(data.draw(st.integers(0, 9 if n_dim == 2 else 4)) for _ in range(n_dim))
    image = data.draw(laid_out(data.draw(label_images(shape))))
    labels, n = postprocess.label(image, background, connectivity)
    expected, count = oracles.label(image, background, connectivity)
    assert n == count
    np.testing.assert_array_equal(labels, expected)


def test_negative_and_huge_values_are_values() -> None:
    image = np.array([[-1, -1, 3], [2**62, -1, 3], [2**62, 0, -1]])
    labels, n = postprocess.label(image, background=-1)
    assert n == 3
    np.testing.assert_array_equal(labels, [[0, 0, 1], [2, 0, 1], [2, 3, 0]])
    mask = np.array([[True, False], [False, True]])
    assert postprocess.label(mask)[1] == 2
    assert postprocess.label(mask, connectivity=2)[1] == 1


@pytest.mark.parametrize("shape", [(1000, 1000), (10, 100, 1000)])
def test_a_million_components(shape: tuple[int, ...]) -> None:
    """There are as many runs as pixels, far more than the first capacity."""
    image = np.arange(1_000_000, dtype=np.uint32).reshape(shape) + 1
    for connectivity in range(1, len(shape) + 1):
        labels, n = postprocess.label(image, connectivity=connectivity)
        assert n == 1_000_000
        np.testing.assert_array_equal(labels, image)


def test_a_million_pixels_of_noise() -> None:
    image = np.random.default_rng(0).integers(0, 3, (1000, 1000)).astype(np.uint8)
    for connectivity in (1, 2):
        check(image, connectivity)


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0), (0, 3, 4), (3, 0, 4), (3, 4, 0)])
def test_no_pixels(shape: tuple[int, ...]) -> None:
    labels, n = postprocess.label(np.zeros(shape, np.uint8))
    assert labels.shape == shape
    assert n == 0


def test_labels_go_where_asked() -> None:
    image = np.random.default_rng(0).integers(0, 3, (50, 70)).astype(np.uint8)
    expected, count = postprocess.label(image)
    out = np.full(image.shape, -1, np.int32)
    labels, n = postprocess.label(image, out=out)
    assert labels is out
    assert n == count
    np.testing.assert_array_equal(out, expected)
    empty = np.empty((0, 4), np.int32)
    assert postprocess.label(np.empty((0, 4), int), out=empty)[0] is empty


def test_unfit_out_is_refused() -> None:
    image = np.zeros((4, 6), np.uint8)
    for out in (np.empty((4, 6), np.int64), np.empty((6, 4), np.int32), [0]):
        with pytest.raises(ValueError, match=r"out: expected an int32 array of shape \(4, 6\), found"):
            postprocess.label(image, out=out)
    frozen = np.empty((4, 6), np.int32)
    frozen.setflags(write=False)
    for out in (frozen, np.empty((6, 4), np.int32).T):
        with pytest.raises(ValueError, match="out: expected a C-contiguous array that may be written to"):
            postprocess.label(image, out=out)


def test_input_is_left_alone() -> None:
    image = np.array([[1, 1, 0]], np.uint8)
    image.setflags(write=False)
    labels, _ = postprocess.label(image)
    labels[...] = 7
    assert image.tolist() == [[1, 1, 0]]


def test_refused() -> None:
    with pytest.raises(TypeError, match="class_map: expected an array of an integer dtype, found float64"):
        postprocess.label(np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"class_map: expected a 2-D .* or a 3-D .*found shape \(2,\)"):
        postprocess.label(np.zeros(2, int))
    with pytest.raises(ValueError, match=r"connectivity: expected 1 .* found 4"):
        postprocess.label(np.zeros((2, 2), int), connectivity=4)
    with pytest.raises(ValueError, match=r"connectivity: expected 1 \(6-connected\), .* found 4"):
        postprocess.label(np.zeros((2, 2, 2), int), connectivity=4)
