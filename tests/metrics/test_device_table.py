"""The overlap table in torch equals that of the Numba kernels, for CPU tensors and on a GPU."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import label_pairs, laid_out, renamed

from fcrbench import datasets, labels, metrics
from fcrbench.metrics.device_overlap import device_overlap_table
from fcrbench.metrics.scores import scores_from_table

torch = pytest.importorskip("torch")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def assert_same_table(found: metrics.OverlapTable, expected: metrics.OverlapTable) -> None:
    for name in ("true_ids", "pred_ids", "true_area", "pred_area"):
        a, b = getattr(found, name), getattr(expected, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b, name)
    rows = [np.stack([t.true_index, t.pred_index, t.shared]) for t in (found, expected)]
    in_order = [r[:, np.lexsort(r[1::-1])] for r in rows]
    np.testing.assert_array_equal(*in_order)
    assert repr(scores_from_table(found)) == repr(scores_from_table(expected))


def tensor(array: np.ndarray) -> "torch.Tensor":
    native = array.astype(array.dtype.newbyteorder("="))
    return torch.from_numpy(np.array(native, order="K"))


@settings(max_examples=200)
@given(data=st.data(), pair=label_pairs())
def test_table_is_that_of_the_kernels(data: st.DataObject, pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, pred = (data.draw(laid_out(data.draw(renamed(image)))) for image in pair)
    # The kernels meet the pixels in the order of memory, torch in the order of the axes.
    expected = metrics.overlap_table(np.ascontiguousarray(truth), np.ascontiguousarray(pred))
    assert_same_table(device_overlap_table(tensor(truth), tensor(pred)), expected)
    assert_same_table(device_overlap_table(tensor(truth), pred), expected)


def test_a_real_field_and_views() -> None:
    sample = datasets.create("sample")
    truth = sample.load(sample.splits["val"][0]).labels.astype(np.int32)
    pred = np.roll(truth, (2, 1), (0, 1))
    a, b = torch.from_numpy(truth), torch.from_numpy(pred)
    assert_same_table(device_overlap_table(a, b), metrics.overlap_table(truth, pred))
    views = device_overlap_table(a.T[::2], b.T[::2])
    assert_same_table(views, metrics.overlap_table(truth.T[::2].copy(), pred.T[::2].copy()))


def test_ids_up_to_the_last() -> None:
    truth = np.array([[0, 2**64 - 1, 2**64 - 1, 5, 2**63]], np.uint64)
    assert_same_table(
        device_overlap_table(torch.from_numpy(truth), torch.from_numpy(truth)),
        metrics.overlap_table(truth, truth),
    )


def test_refused_as_by_the_kernels() -> None:
    one = torch.ones((2, 2), dtype=torch.int32)
    table = device_overlap_table
    with pytest.raises(
        TypeError, match=r"truth: expected an array of an integer dtype, found torch\.float32"
    ):
        table(one.float(), one)
    with pytest.raises(ValueError, match=r"equal shapes, found \(2, 2\) and \(1, 2\)"):
        table(one, one[:1])
    with pytest.raises(ValueError, match=r"2-D or 3-D arrays, found shape \(2,\)"):
        table(one[0], one[0])
    with pytest.raises(ValueError, match=r"pred: expected ids >= 0 \(0 is background\), found -4"):
        table(one, one * -4)


def test_what_is_a_tensor() -> None:
    class Ours(torch.Tensor):
        pass

    assert labels.is_tensor(torch.ones(1))
    assert labels.is_tensor(torch.ones(1).as_subclass(Ours))
    assert not labels.is_tensor(np.ones(1))
    assert not labels.is_on_accelerator(torch.ones(1))
    assert labels.is_on_accelerator(torch.ones(1, device="meta"))


def test_telling_tensors_apart_imports_no_torch() -> None:
    code = (
        "import sys, numpy as np; from fcrbench import metrics\n"
        "from fcrbench.labels import is_on_accelerator\n"
        "metrics.score(np.ones((2, 2), int), np.ones((2, 2), int))\n"
        "assert not is_on_accelerator(np.ones(2))\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_scores_of_tensors_on_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this test, every tensor counts as one on an accelerator."""
    monkeypatch.setattr("fcrbench.metrics.overlap.is_on_accelerator", torch.is_tensor)
    truth = np.kron(np.arange(6).reshape(2, 3), np.ones((5, 5), int))
    pred = np.roll(truth, (2, 1), (0, 1))
    found = metrics.score(torch.from_numpy(truth), torch.from_numpy(pred))
    assert repr(found) == repr(metrics.score(truth, pred))


@needs_cuda
@settings(max_examples=50)
@given(data=st.data(), pair=label_pairs())
def test_cuda_table(data: st.DataObject, pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, pred = (data.draw(laid_out(data.draw(renamed(image)))) for image in pair)
    expected = metrics.overlap_table(np.ascontiguousarray(truth), np.ascontiguousarray(pred))
    assert_same_table(device_overlap_table(tensor(truth).cuda(), tensor(pred).cuda()), expected)
    assert_same_table(device_overlap_table(tensor(truth).cuda(), pred), expected)


@needs_cuda
def test_cuda_scores() -> None:
    sample = datasets.create("sample")
    truth = sample.load(sample.splits["val"][0]).labels.astype(np.int32)
    pred = np.roll(truth, (2, 1), (0, 1))
    found = metrics.score(torch.from_numpy(truth).cuda(), torch.from_numpy(pred).cuda())
    assert repr(found) == repr(metrics.score(truth, pred))
