"""Every public function that takes arrays takes torch tensors, wherever they are: one rule for all."""

import inspect
import sys
from collections.abc import Mapping

import numpy as np
import pytest

from fcrbench import export, metrics, postprocess

torch = pytest.importorskip("torch")

TRUTH = np.kron(np.arange(6).reshape(2, 3), np.ones((6, 6), int)).astype(np.int32)
PRED = np.roll(TRUTH, (1, 2), (0, 1))
CLASSES = (TRUTH > 2).astype(np.int32) + (TRUTH > 0)
SCORES = np.random.default_rng(0).integers(-8, 9, (4, 20, 30)).astype(np.float32) / 4  # exact in bfloat16
IMAGE = np.random.default_rng(1).integers(0, 50, TRUTH.shape).astype(np.float32)

# The arrays that each function is given; those that take tables are "plain".
CALLS = {
    metrics: {
        **dict.fromkeys(
            (
                "aji",
                "aji_plus",
                "average_precision",
                "boundary",
                "dice",
                "dice2",
                "f1",
                "matching",
                "pq",
                "score",
            ),
            (TRUTH, PRED),
        ),
        "overlap_table": (TRUTH, PRED),
        "splits_merges": (TRUTH, PRED),
        "boundary_mask": (TRUTH,),
        "score_classes": (TRUTH, PRED, CLASSES, CLASSES),
        "score_dataset": ([("a", TRUTH, PRED), ("b", PRED, TRUTH)],),
        "score_dataset_classes": ([("a", TRUTH, PRED, CLASSES, CLASSES)],),
        "compare": "plain",
        "read_table": "plain",
        "summarize": "plain",
    },
    postprocess: {
        "doubt": (SCORES, 0),
        "margin": (SCORES, 0),
        "instances": (SCORES, postprocess.InstanceRules(background=0)),
        "label": (TRUTH,),
        "fill_holes": (TRUTH,),
        "join_fragments": (TRUTH, 0.1),
        "remove_small": (TRUTH, 20),
    },
    export: {
        "coco": ([("a", TRUTH), ("b", PRED)],),
        "feature_collection": (TRUTH,),
        "measure": (TRUTH, IMAGE),
        "polygons": (TRUTH,),
    },
}
FUNCTIONS = [(module, name) for module, calls in CALLS.items() for name in calls if calls[name] != "plain"]


class Elsewhere(torch.Tensor):
    """Stands for a tensor on an accelerator: its values are not to be had before they are copied."""

    def __array__(self, *args, **options):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    def numpy(self, *args, **options):
        return self.__array__()

    def cpu(self):
        return self.as_subclass(torch.Tensor)


def with_gradient(array):
    tensor = torch.from_numpy(array.copy())
    return tensor.requires_grad_() if tensor.is_floating_point() else tensor


def half(array):
    tensor = torch.from_numpy(array.copy())
    return tensor.to(torch.bfloat16) if tensor.is_floating_point() else tensor


KINDS = {
    "cpu": lambda array: torch.from_numpy(array.copy()),
    "with a gradient": with_gradient,
    "bfloat16": half,
    "elsewhere": lambda array: torch.from_numpy(array.copy()).as_subclass(Elsewhere),
    "elsewhere, bfloat16, with a gradient": lambda array: (
        with_gradient(array).to(half(array).dtype).as_subclass(Elsewhere)
    ),
    "cuda": lambda array: torch.from_numpy(array).cuda(),
}


@pytest.fixture
def stand_in(monkeypatch):
    """Every module of the package takes `Elsewhere` for a tensor on an accelerator."""
    plain = sys.modules["fcrbench.labels"].is_on_accelerator
    for name, module in list(sys.modules.items()):
        if name.startswith("fcrbench.") and hasattr(module, "is_on_accelerator"):
            monkeypatch.setattr(module, "is_on_accelerator", lambda x: isinstance(x, Elsewhere) or plain(x))


def mapped(change, given):
    if isinstance(given, np.ndarray):
        return change(given)
    return type(given)(mapped(change, x) for x in given) if isinstance(given, list | tuple) else given


def on_host(found):
    return found.cpu().numpy() if torch.is_tensor(found) else found


def assert_same(found, expected):
    if hasattr(expected, "columns"):
        assert expected.equals(found)
    elif isinstance(expected, np.ndarray):
        found = on_host(found)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    elif isinstance(expected, Mapping):
        assert found.keys() == expected.keys()
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif hasattr(expected, "__dataclass_fields__"):
        for name in expected.__dataclass_fields__:
            assert_same(getattr(found, name), getattr(expected, name))
    else:
        assert found == expected or (found != found and expected != expected)


def test_no_public_function_is_left_out():
    for module, calls in CALLS.items():
        assert {name for name in module.__all__ if inspect.isfunction(getattr(module, name))} == set(calls)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("module", "name"), FUNCTIONS, ids=[name for _, name in FUNCTIONS])
def test_tensors_are_taken_as_arrays_are(module, name, kind, stand_in):
    if kind == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    function, given = getattr(module, name), CALLS[module][name]
    expected = function(*given)
    found = function(*mapped(KINDS[kind], given))
    assert_same(found, expected)
    first = found[0] if isinstance(found, tuple) else found
    assert torch.is_tensor(first) == (module is postprocess and kind.startswith(("elsewhere", "cuda")))
    if kind == "cuda" and module is postprocess:
        assert first.is_cuda


@pytest.mark.parametrize("kind", ["elsewhere", "cuda"])
@pytest.mark.parametrize("first", [True, False])
def test_one_of_two_may_be_an_array(first, kind, stand_in):
    if kind == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    given = [TRUTH, PRED]
    given[first] = KINDS[kind](given[first])
    for name in ("score", "boundary"):
        assert_same(getattr(metrics, name)(*given), getattr(metrics, name)(TRUTH, PRED))


@pytest.mark.parametrize("kind", ["cpu", "elsewhere"])
def test_a_margin_may_be_a_tensor_as_well(kind, stand_in):
    sure = (8 * CLASSES).astype(np.uint8)
    expected = postprocess.remove_small(TRUTH, 0, min_margin=1, margin=sure)
    for labels in (TRUTH, KINDS[kind](TRUTH)):
        assert_same(postprocess.remove_small(labels, 0, min_margin=1, margin=KINDS[kind](sure)), expected)


def arrays_in(given):
    """The paths of all arrays in the arguments of a call."""
    if isinstance(given, np.ndarray):
        yield ()
    elif isinstance(given, list | tuple):
        for i, x in enumerate(given):
            yield from ((i, *rest) for rest in arrays_in(x))


def changed_at(change, given, path):
    if not path:
        return change(given)
    parts = list(given)
    parts[path[0]] = changed_at(change, parts[path[0]], path[1:])
    return type(given)(parts)


def masked_at_one_pixel(array):
    mask = np.zeros(array.shape, bool)
    mask.flat[-1] = True
    return np.ma.masked_array(array, mask)


@pytest.mark.parametrize(("module", "name"), FUNCTIONS, ids=[name for _, name in FUNCTIONS])
def test_masked_pixels_are_refused_and_masked_arrays_without_any_are_taken(module, name):
    function, given = getattr(module, name), CALLS[module][name]
    assert_same(function(*mapped(np.ma.masked_array, given)), function(*given))
    paths = list(arrays_in(given))
    assert paths
    for path in paths:
        with pytest.raises(ValueError, match="expected an array without masked pixels, found 1; "):
            function(*changed_at(masked_at_one_pixel, given, path))


def test_a_masked_margin_is_refused_too():
    with pytest.raises(ValueError, match="margin: expected an array without masked pixels, found 1"):
        postprocess.remove_small(TRUTH, 0, min_margin=1, margin=masked_at_one_pixel(CLASSES.astype(np.uint8)))


def test_arrays_of_other_packages_are_taken():
    zarr, dask = pytest.importorskip("zarr"), pytest.importorskip("dask.array")
    expected = metrics.score(TRUTH, PRED)
    for other in (zarr.array(TRUTH, chunks=(5, 5)), dask.from_array(TRUTH, chunks=5), TRUTH.tolist()):
        assert_same(metrics.score(other, PRED), expected)
        assert_same(postprocess.label(other), postprocess.label(TRUTH))
    with pytest.raises(ValueError, match="truth: expected an array without masked pixels, found 1"):
        metrics.score(dask.from_array(masked_at_one_pixel(TRUTH)), PRED)
    with pytest.raises(ValueError, match="pred: expected an array without masked pixels, found 1"):
        metrics.score(TRUTH, [*PRED[:-1], masked_at_one_pixel(PRED[-1])])


def test_tensors_without_values_are_refused_in_our_own_words():
    for empty in (torch.ones((4, 4), device="meta"), torch.ones(4, 4).to_sparse()):
        for function, name in (
            (lambda x: postprocess.remove_small(x.int(), 3), "labels"),
            (lambda x: postprocess.doubt(x, 0), "scores"),
            (lambda x: metrics.boundary(x.int(), x.int()), "truth"),
            (lambda x: export.measure(np.ones((4, 4), int), x), "image"),
        ):
            with pytest.raises(TypeError, match=f"{name}: expected .*, found a tensor "):
                function(empty)


def test_wrong_dtypes_are_named_the_same_for_tensors():
    for where in (lambda x: x, torch.from_numpy):
        with pytest.raises(TypeError, match="labels: expected an array of an integer dtype, found float32"):
            postprocess.fill_holes(where(IMAGE))
        with pytest.raises(TypeError, match="scores: expected a floating dtype, found int32"):
            postprocess.margin(where(TRUTH), 0)
