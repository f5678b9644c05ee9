import numpy as np
import pytest
from scipy import ndimage

from fcrbench import datasets, metrics
from fcrbench.config import build
from fcrbench.errors import UsageError
from fcrbench.jobs.configure import configure
from fcrbench.jobs.run import start
from fcrbench.methods import registry
from fcrbench.testing import MethodTests
from fcrbench_baselines.classical.spec import ClassicalOptions


class TestClassical(MethodTests):
    method = "classical"
    image_waits = 1


def instances(image, **options):
    method = registry.create("classical", **options)
    return method.postprocess(method.normalize(image)[None])


def disks(centres, radius, shape=(80, 100)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    for i, (cy, cx) in enumerate(centres, 1):
        labels[(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = i
    return labels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_touching_disks_are_told_apart(dtype):
    truth = disks([(20, 20), (20, 42), (55, 70)], 12)
    image = np.where(truth > 0, 200, 20).astype(dtype)
    found = instances(image)
    assert found.dtype == np.int32
    assert found.shape == truth.shape
    assert metrics.pq(truth, found) > 0.9
    assert found.max() == 3


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (64, 50)])
@pytest.mark.parametrize("value", [0, 7])
def test_constant_image_has_no_object(shape, value):
    assert not instances(np.full(shape, value, np.uint16)).any()


def test_noise_has_no_object_unless_asked_for():
    noise = np.random.default_rng(0).normal(100, 5, (128, 128)).astype(np.float32)
    assert not instances(noise).any()
    assert instances(noise, min_contrast=0.0).any()


def test_a_ring_is_filled_and_a_speck_dropped():
    truth = disks([(40, 50)], 15)
    image = np.where(truth > 0, 100.0, 0.0)
    image[38:43, 48:53] = 0
    image[5:7, 5:7] = 100
    found = instances(image.astype(np.float32), smoothing=0.0)
    np.testing.assert_array_equal(found > 0, truth > 0)


def test_objects_are_connected_and_numbered_through():
    sample = next(iter(datasets.create("sample").samples("val")))
    found = instances(sample.image)
    assert sorted(np.unique(found)) == list(range(found.max() + 1))
    assert all(ndimage.label(found == i)[1] == 1 for i in range(1, found.max() + 1))


def test_real_fields():
    samples = list(datasets.create("sample").samples("val"))
    table = metrics.score_dataset((s.id, s.labels, instances(s.image)) for s in samples).table
    assert table["pq"].mean() > 0.7


@pytest.mark.parametrize("options", [{"min_distance": 0}, {"smoothing": -1.0}, {"min_size": -1}])
def test_impossible_options_are_named(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        build(ClassicalOptions, options, "options")


class Quiet:
    def started(self, what): ...
    def step(self, step, total, loss): ...
    def validated(self, epoch, scores): ...


def test_a_run_needs_no_training(tmp_path):
    folder = start(configure({"method": "classical", "device": "cpu"}), tmp_path, Quiet())
    assert (folder / "report.html").is_file()
    assert not (folder / "history.csv").exists()
