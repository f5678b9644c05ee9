"""Labels computed in torch have the same ids as those of the kernels, for CPU tensors and on a GPU."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import scores_and_rules

from fcrbench import postprocess

torch = pytest.importorskip("torch")
from fcrbench.postprocess import device  # noqa: E402

PLACES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")),
]


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=300)
@given(drawn=scores_and_rules(), dtype=st.sampled_from([torch.float16, torch.float32, torch.float64]))
def test_instances(
    place: str, drawn: tuple[np.ndarray, postprocess.InstanceRules], dtype: "torch.dtype"
) -> None:
    scores, rules = drawn
    found = device.instances(torch.from_numpy(scores).to(place, dtype), rules)
    assert found.dtype == torch.int32
    assert found.device.type == place
    np.testing.assert_array_equal(found.cpu().numpy(), postprocess.instances(scores, rules))


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=200)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.lists(st.integers(0, 15), min_size=2, max_size=2)
    | st.lists(st.integers(0, 6), min_size=3, max_size=3),
    n_values=st.integers(1, 4),
    dtype=st.sampled_from(["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "?"]),
    background=st.sampled_from([None, 0, 1, 255, -1, 2**64 - 1, 2**63 - 1, -(2**63), 2**70]),
    connectivity=st.sampled_from([1, 2, 3]),
)
def test_label(
    place: str,
    seed: int,
    shape: list[int],
    n_values: int,
    dtype: str,
    background: int | None,
    connectivity: int,
) -> None:
    connectivity = min(connectivity, len(shape))
    image = np.random.default_rng(seed).integers(0, n_values, shape)
    image = np.where(image == 3, -1, image).astype(dtype)
    labels, n = device.label(torch.from_numpy(image).to(place), background, connectivity)
    expected, count = postprocess.label(image, background, connectivity)
    assert n == count
    np.testing.assert_array_equal(labels.cpu().numpy(), expected)


def shapes() -> dict[str, np.ndarray]:
    """Return images with long components, which need the most passes."""
    y, x = np.mgrid[:65, :65]
    spiral = np.zeros((65, 65), np.uint8)
    top, left, bottom, right = 0, 0, 64, 64
    while top <= bottom and left <= right:
        spiral[top, max(left - 2, 0) : right + 1] = 1
        spiral[top : bottom + 1, right] = 1
        spiral[bottom, left : right + 1] = 1
        spiral[top + 2 : bottom + 1, left] = 1
        top, left, bottom, right = top + 2, left + 2, bottom - 2, right - 2
    zigzag = ((y % 4 == 0) | ((y % 4 == 2) & False) | ((x == 0) & (y % 8 == 2))).astype(np.uint8)
    zigzag |= ((y % 2 == 1) & (x == np.where(y % 4 == 1, 64, 0))).astype(np.uint8) | (y % 2 == 0)
    return {
        "spiral": spiral,
        "zigzag": zigzag,
        "comb": ((x % 2 == 0) | (y == 64)).astype(np.uint8),
        "comb upside down": ((x % 2 == 0) | (y == 0)).astype(np.uint8),
        "checkerboard": ((x + y) % 2).astype(np.uint8),
        "diagonals": ((x - y) % 3 == 0).astype(np.uint8),
        "column": np.ones((500, 1), np.uint8),
        "row": np.ones((1, 500), np.uint8),
        "noise": np.random.default_rng(0).integers(0, 2, (300, 300)).astype(np.uint8),
    }


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", shapes())
@pytest.mark.parametrize("connectivity", [1, 2])
def test_long_components(place: str, name: str, connectivity: int) -> None:
    image = shapes()[name]
    for turned in (image, image.T, image[::-1], image[:, ::-1]):
        labels, _ = device.label(torch.from_numpy(turned.copy()).to(place), 0, connectivity)
        expected, _ = postprocess.label(turned, 0, connectivity)
        np.testing.assert_array_equal(labels.cpu().numpy(), expected)


def test_refused_as_by_the_kernels() -> None:
    scores = torch.zeros((3, 4, 4))
    scores[1, 2, 2] = torch.nan
    with pytest.raises(ValueError, match="scores: expected numbers, found NaN in 1 of 16 pixels"):
        device.instances(scores)
    with pytest.raises(TypeError, match=r"scores: expected a floating dtype, found torch\.int64"):
        device.instances(scores.long())
    with pytest.raises(ValueError, match=r"scores: expected shape \(K, H, W\) .*found \(4, 4\)"):
        device.instances(scores[0])
    for background in (3, "max", None, 0.0):
        with pytest.raises(ValueError, match=r'background: expected "mode" or a class (0\.\.2|from 0 on)'):
            device.instances(scores, background=background)
    with pytest.raises(ValueError, match="connectivity"):
        device.label(torch.zeros((2, 2), dtype=torch.int32), connectivity=3)
    with pytest.raises(ValueError, match="min_size"):
        device.instances(torch.zeros((1, 2, 2)), min_size=-1)
    with pytest.raises(TypeError, match="class_map"):
        device.label(torch.zeros((2, 2)))
    with pytest.raises(ValueError, match="2-D array"):
        device.label(torch.zeros(4, dtype=torch.int32))


def test_tensors_on_an_accelerator_are_labelled_there(monkeypatch) -> None:
    """In this test, every tensor counts as one on an accelerator."""
    for module in ("instances", "labelling"):
        monkeypatch.setattr(
            sys.modules[f"fcrbench.postprocess.{module}"], "is_on_accelerator", torch.is_tensor
        )
    scores = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(0))
    found = postprocess.instances(scores, background=0)
    assert torch.is_tensor(found)
    np.testing.assert_array_equal(found.numpy(), postprocess.instances(scores.numpy(), background=0))
    classes = scores.argmax(0)
    found, n = postprocess.label(classes)
    expected, n_expected = postprocess.label(classes.numpy())
    assert (torch.is_tensor(found), n) == (True, n_expected)
    np.testing.assert_array_equal(found.numpy(), expected)
    with pytest.raises(ValueError, match="out: expected None"):
        postprocess.label(classes, out=np.empty((20, 30), np.int32))
