"""Full float32 precision and repeatable results; afterwards torch's settings are restored."""

import os
from threading import Barrier, Thread

import numpy as np
import pytest
import torch
from torch import nn

from fcrbench.compute.arithmetic import deterministic_algorithms, full_float32
from fcrbench.compute.device import make_fabric
from fcrbench.errors import FcrbenchError
from fcrbench.inference import Predictor
from fcrbench.methods import registry

GPU = torch.device("cuda", 0)


def settings():
    found = {"cudnn": torch.backends.cudnn.allow_tf32, "matmul": torch.get_float32_matmul_precision()}
    if hasattr(torch.backends.cudnn, "conv"):
        layers = (torch.backends.cudnn.conv, torch.backends.cudnn.rnn, torch.backends.cuda.matmul)
        found["layers"] = [layer.fp32_precision for layer in layers]
    return found


@pytest.fixture
def changed():
    """Settings that a user may have made, which must be there again."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    yield settings()
    torch.set_float32_matmul_precision(before)


def test_float32_is_float32_and_afterwards_as_before(changed):
    assert changed["cudnn"] is True  # torch's default
    with full_float32():
        inside = settings()
        with full_float32():
            pass
        assert settings() == inside
    assert (inside["cudnn"], inside["matmul"]) == (False, "highest")
    assert set(inside.get("layers", ["ieee"])) == {"ieee"}
    assert settings() == changed
    with pytest.raises(ZeroDivisionError), full_float32():
        _ = 1 / 0
    assert settings() == changed


def test_threads_may_overlap(changed):
    """The one that began first ends first: what it found must not be lost, nor come back too early."""
    barriers = [Barrier(2) for _ in range(3)]
    seen = []

    def first():
        with full_float32():
            barriers[0].wait()
            barriers[1].wait()
        barriers[2].wait()

    def second():
        barriers[0].wait()
        with full_float32():
            barriers[1].wait()
            barriers[2].wait()
            seen.append(settings())

    threads = [Thread(target=first), Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen[0]["cudnn"] is False
    assert settings() == changed


def test_a_layer_set_by_the_user_stays_so():
    if not hasattr(torch.backends.cudnn, "conv"):
        pytest.skip("this torch has no setting for each kind of layer")
    conv = torch.backends.cudnn.conv
    before, conv.fp32_precision = conv.fp32_precision, "ieee"
    try:
        with full_float32():
            assert torch.backends.cudnn.rnn.fp32_precision == "ieee"
        assert (conv.fp32_precision, torch.backends.cudnn.rnn.fp32_precision) == ("ieee", "tf32")
    finally:
        conv.fp32_precision = before


def test_prediction_computes_in_float32():
    method = registry.create("fcrnet", filters=(4, 4, 4, 4, 4))
    network = method.build()
    seen = []
    network.head.register_forward_hook(lambda *_: seen.append(torch.backends.cudnn.allow_tf32))
    Predictor(method, network, make_fabric("cpu", "32"))(np.zeros((16, 16), np.uint8))
    assert seen == [False]


def state():
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
        os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    )


@pytest.mark.parametrize("workspace", [None, ":16:8"])
def test_repeatable_is_for_a_while(workspace, monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    if workspace:
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", workspace)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    before = state()
    with deterministic_algorithms(GPU):
        assert state() == (True, False, False, workspace or ":4096:8")
    assert state() == before
    with deterministic_algorithms(torch.device("cpu")):
        assert state() == before


def test_what_cannot_be_repeated_is_one_error(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    before = state()
    with pytest.raises(FcrbenchError) as caught, deterministic_algorithms(GPU):
        # The one operation whose absence of an algorithm shows on the CPU too.
        nn.functional.max_unpool2d(torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1, dtype=torch.long), 2)
    assert str(caught.value) == (
        "deterministic = true, but max_unpooling2d_forward_out does not have a deterministic implementation; "
        "leave it out, or use --device cpu"
    )
    assert state() == before
    with pytest.raises(RuntimeError, match="another"), deterministic_algorithms(GPU):
        raise RuntimeError("another")
    assert state() == before
