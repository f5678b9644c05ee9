"""Harmonic Embedding: its network, guide functions, loss and mean shift, each against its definition."""

import dataclasses
from itertools import combinations

import numpy as np
import pytest
import torch

from fcrbench import datasets, metrics
from fcrbench.compute.device import make_fabric
from fcrbench.errors import UsageError
from fcrbench.inference import Predictor
from fcrbench_baselines.harmonic.fit import ObjectProfiles, fit_guides, object_means
from fcrbench_baselines.harmonic.guides import GuideFunctions
from fcrbench_baselines.harmonic.loss import HarmonicLoss, border_mask, object_targets
from fcrbench_baselines.harmonic.method import Harmonic
from fcrbench_baselines.harmonic.model import GatedConv, HarmonicUNet, Output
from fcrbench_baselines.harmonic.spec import SPEC, HarmonicOptions


def create(preset="default", **options):
    return Harmonic(HarmonicOptions(**{**SPEC.presets[preset].options, **options}))


def parameters(network):
    return sum(p.numel() for p in network.parameters())


@pytest.fixture(scope="module")
def fields():
    """Truth of four real fields, ids 1..n."""
    samples = list(datasets.create("sample").samples("train"))[:4]
    return [
        np.unique(sample.labels, return_inverse=True)[1].reshape(sample.labels.shape).astype(np.int32)
        for sample in samples
    ]


@pytest.fixture(scope="module")
def coefficients(fields):
    return fit_to(fields)


def fit_to(fields, quadrature=True, steps=30, periods=(60.0, 160.0), epsilon=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return fit_guides(
        fields,
        12,
        periods,
        epsilon,
        quadrature=quadrature,
        steps=steps,
        generator=generator,
        max_origin=1000,
    )


def guide_values(coefficients, shape, origin=(0.0, 0.0), step=1):
    guides = GuideFunctions(coefficients.shape[1])
    guides.coefficients.copy_(coefficients)
    return guides(*shape, torch.tensor([origin]), step)


# the network


def test_the_papers_network_has_the_43_million_parameters_of_table_1():
    """43,055,744 in the notebook, with one input channel: its coarsest scale has an attention without use."""
    unused = 2 * 12 * (9 * 256 + 1)
    with torch.device("meta"):
        assert parameters(create("paper").build()) == 43_055_744 - unused == 43_000_424


def test_the_default_network_adds_the_channels_of_its_options():
    stem = 3 * 64 * 9  # four input channels
    # Value and attention, both gated; the coarsest scale has no attention.
    head = 2 * (9 * 256 + 1) + sum(2 * 2 * (9 * width + 1) for width in (128, 64, 64))
    with torch.device("meta"):
        assert parameters(create().build()) == 43_000_424 + stem + head


def test_a_gated_convolution_is_a_product_of_two():
    torch.manual_seed(0)
    layer = GatedConv(3, 5)
    x = torch.randn(2, 3, 7, 6)
    f, g = (
        torch.nn.functional.conv2d(x, w, b, padding=1)
        for w, b in zip(layer.both.weight.split(5), layer.both.bias.split(5), strict=True)
    )
    torch.testing.assert_close(layer(x), f * torch.sigmoid(g))


@pytest.mark.parametrize("downscale", [1, 2])
@pytest.mark.parametrize("foreground", [False, True])
def test_output_is_at_the_size_of_the_image(downscale, foreground):
    network = HarmonicUNet(12, foreground, downscale, filters=4).eval()
    with torch.inference_mode():
        output = network(torch.zeros(2, 1, 32, 64))
    assert output.embedding.shape == output.guides.shape == (2, 12, 32, 64)
    assert output.foreground.shape == (2, int(foreground), 32, 64)


def test_origins_are_random_in_training_and_the_corner_otherwise(coefficients):
    network = HarmonicUNet(filters=4)
    network.guides.coefficients.copy_(coefficients)
    image = torch.zeros(2, 1, 32, 32)
    expected = guide_values(coefficients, (32, 32))
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(image).guides, expected.expand(2, -1, -1, -1))
        torch.manual_seed(0)
        first = network.train()(image).guides
        torch.manual_seed(0)
        torch.testing.assert_close(network(image).guides, first)
    assert not torch.allclose(first[0], first[1])


def test_a_network_whose_output_depends_on_the_size_of_the_image_is_not_tiled():
    for align_corners in (False, True):
        method = create(filters=4, downscale=1, align_corners=align_corners)
        predictor = Predictor(method, method.build(), make_fabric("cpu", "32"))
        assert (predictor.halo is None) == align_corners


# guide functions


def test_guide_functions_are_sines_of_pixel_coordinates():
    a, b, c = torch.tensor([[0.1, 0.02], [0.0, -0.07], [0.3, 1.0]])
    values = guide_values(torch.stack([a, b, c]), (5, 4), origin=(100.0, 7.0))
    y, x = np.mgrid[:5, :4]
    for i in range(2):
        expected = np.sin(float(a[i]) * (x + 7) + float(b[i]) * (y + 100) + float(c[i]))
        np.testing.assert_allclose(values[0, i], expected, atol=1e-5)


@pytest.mark.parametrize("step", [2, 8])
def test_coarse_guide_functions_are_those_at_the_centres_of_cells(coefficients, step):
    fine = guide_values(coefficients, (32, 32), (11.0, 5.0))
    coarse = guide_values(coefficients, (32 // step, 32 // step), (11.0, 5.0), step)
    mean = torch.nn.functional.avg_pool2d(fine, step)
    # The mean over a cell is the value at its centre, but for the second order term.
    torch.testing.assert_close(coarse, mean, atol=(step * 0.11) ** 2 / 24, rtol=0)


@pytest.mark.parametrize("quadrature", [True, False])
def test_means_by_profiles_are_means_over_pixels(fields, quadrature):
    fields = fields[:2]
    found = fit_to(fields, quadrature, steps=0)
    frequency = torch.stack([found[0, :6], found[1, 6:]])
    profiles = ObjectProfiles.from_labels(fields)
    origin = torch.tensor([[3.0, 40.0], [500.0, 0.0]])  # x, y
    means = object_means(profiles, frequency, found[2].view(2, 6), origin[profiles.image])
    row = 0
    for labels, (x, y) in zip(fields, origin.tolist(), strict=True):
        values = guide_values(found, labels.shape, (y, x))[0].numpy()
        for k in range(1, labels.max() + 1):
            np.testing.assert_allclose(means[row], values[:, labels == k].mean(axis=1), atol=1e-4)
            row += 1
    assert row == len(means)
    pairs = sum(int(labels.max()) * (int(labels.max()) - 1) // 2 for labels in fields)
    assert profiles.pairs.shape == (2, pairs)


def nearest_pairs(fields, found):
    """The smallest distance of the means of two objects of one field, of all fields."""
    nearest = []
    for labels in fields:
        values = guide_values(found, labels.shape, (300.0, 700.0))[0].numpy()
        means = [values[:, labels == k].mean(axis=1) for k in range(1, labels.max() + 1)]
        nearest += [np.linalg.norm(a - b) for a, b in combinations(means, 2)]
    return np.array(nearest)


def test_fitting_moves_objects_apart_and_keeps_to_the_periods(fields):
    limits = (50.0, 400.0)
    narrow = torch.Generator().manual_seed(0)  # starts where neighbours are hardly told apart
    start = fit_guides(
        fields, 12, (390.0, 400.0), 1.0, quadrature=True, steps=0, generator=narrow, max_origin=1
    )
    fitted = fit_to(fields, periods=limits, steps=60)
    before, after = (nearest_pairs(fields, found) for found in (start, fitted))
    assert (after < 1).mean() < (before < 1).mean() / 2
    periods = 2 * np.pi / fitted[:2].amax(dim=0).numpy()
    assert (periods >= limits[0] - 0.01).all()
    assert (periods <= limits[1] + 0.01).all()


def test_in_quadrature_the_distance_of_objects_does_not_depend_on_where_they_are(fields, coefficients):
    labels = fields[0]
    distances = []
    for origin in ((0.0, 0.0), (123.0, 3210.0)):
        values = guide_values(coefficients, labels.shape, origin)[0].numpy()
        means = np.array([values[:, labels == k].mean(axis=1) for k in range(1, labels.max() + 1)])
        distances.append(np.linalg.norm(means[:, None] - means, axis=2))
    np.testing.assert_allclose(*distances, atol=1e-3)


def test_fitting_to_fields_without_objects_leaves_the_start():
    empty = [np.zeros((16, 16), np.int32)]
    torch.testing.assert_close(fit_to(empty), fit_to(empty, steps=0))
    torch.testing.assert_close(fit_to([]), fit_to(empty, steps=0))


def test_prepare_keeps_the_fitted_functions_with_the_weights(fields):
    method = create(fit_steps=2)
    network = HarmonicUNet(12, True, 2, filters=4)
    torch.manual_seed(0)
    method.prepare(network, iter(fields))
    assert network.state_dict()["guides.coefficients"].abs().sum() > 0


# the loss


def random_batch(seed=0, shape=(2, 12, 24, 24)):
    generator = torch.Generator().manual_seed(seed)
    labels = np.zeros((shape[0], *shape[2:]), np.int32)
    labels[0, 2:8, 2:8] = 1
    labels[0, 2:8, 8:14] = 2
    labels[0, 20:23, 20:23] = 3
    values = [torch.randn(shape, generator=generator) for _ in range(2)]
    logits = torch.randn(shape[0], 1, *shape[2:], generator=generator)
    return Output(values[0], logits, values[1]), labels


def test_targets_are_the_means_of_objects_and_0_in_the_background():
    output, labels = random_batch()
    target, size = object_targets(output.guides, torch.from_numpy(labels).long(), int(labels.max()))
    for b in range(2):
        for k in range(labels[b].max() + 1):
            inside = labels[b] == k
            mean = output.guides[b][:, inside].mean(dim=1) if k else torch.zeros(12)
            torch.testing.assert_close(target[b][:, inside], mean[:, None].expand(-1, inside.sum()))
            assert (size[b][inside] == inside.sum()).all()


def test_borders_are_all_pixels_within_2_of_a_change():
    labels = random_batch()[1]
    found = border_mask(torch.from_numpy(labels).long()).numpy()
    change = np.zeros(labels.shape, bool)
    change[:, :, :-1] |= labels[:, :, 1:] != labels[:, :, :-1]
    change[:, :-1] |= labels[:, 1:] != labels[:, :-1]
    for b, y, x in np.ndindex(labels.shape):
        near = change[b, max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3]
        assert found[b, y, x] == near.any()


def test_the_papers_loss_is_its_definition():
    output, labels = random_batch()
    index = torch.from_numpy(labels).long()
    target, size = object_targets(output.guides, index, int(labels.max()))
    pixels, edge = [], []
    near = border_mask(index)
    for b, y, x in np.ndindex(labels.shape):
        error = float((output.embedding[b, :, y, x] - target[b, :, y, x]).abs().mean())
        pixels.append(10 / np.log(float(size[b, y, x])) * error)
        edge.append(error if near[b, y, x] else 0.0)  # the notebook's mean(error * edge) over all pixels
    losses = HarmonicLoss("log", 10.0)(output._replace(foreground=output.foreground[:, :0]), labels)
    assert float(losses["embedding"]) == pytest.approx(np.mean(pixels), rel=1e-4)
    assert float(losses["loss"]) == pytest.approx(np.mean(pixels) + 10 * np.mean(edge), rel=1e-4)


def test_the_loss_of_the_truth_is_0():
    output, labels = random_batch()
    target, _ = object_targets(output.guides, torch.from_numpy(labels).long(), int(labels.max()))
    sure = torch.from_numpy(np.where(labels > 0, 50.0, -50.0)).float()[:, None]
    losses = HarmonicLoss()(Output(target, sure, output.guides), labels)
    assert all(float(value) < 1e-6 for value in losses.values())


# from embeddings to instances


def truth_scores(labels, coefficients, noise=0.0, seed=0):
    target, _ = object_targets(
        guide_values(coefficients, labels.shape), torch.from_numpy(labels).long()[None], int(labels.max())
    )
    embedding = target[0].numpy()
    embedding = embedding + noise * np.random.default_rng(seed).standard_normal(embedding.shape)
    return np.concatenate([embedding, np.where(labels > 0, 5.0, -5.0)[None]]).astype(np.float32)


def test_the_embedding_of_the_truth_gives_the_truth(fields, coefficients):
    for labels in fields:
        found = create("paper", min_size=1).postprocess(truth_scores(labels, coefficients))
        assert metrics.pq(labels, found) > 0.995


def test_noise_within_the_bandwidth_changes_nothing(fields, coefficients):
    for labels in fields:
        found = create().postprocess(truth_scores(labels, coefficients, noise=0.1))
        assert metrics.pq(labels, found) > 0.93  # a few true nuclei join the larger one they lie on


def test_equal_embeddings_apart_are_two_instances():
    scores = -np.ones((3, 8, 12), np.float32)
    scores[:, 2:6, 1:4] = scores[:, 2:6, 8:11] = 5
    assert create(min_size=1).postprocess(scores).max() == 2


@pytest.mark.parametrize("shape", [(1, 1), (3, 5)])
def test_images_without_foreground_have_no_instance(shape):
    assert create().postprocess(-np.ones((13, *shape), np.float32)).max() == 0


def test_without_a_foreground_channel_the_length_of_the_embedding_decides(fields, coefficients):
    labels = fields[0]
    method = create(foreground="norm")
    guides = guide_values(coefficients, labels.shape)
    target, _ = object_targets(guides, torch.from_numpy(labels).long()[None], int(labels.max()))
    scores = method.scores(Output(target, target[:, :0], guides))
    assert scores.shape == (1, 13, *labels.shape)
    np.testing.assert_array_equal(scores[0, -1].numpy() > 0, labels > 0)


# the whole


def test_a_small_network_learns_one_crop(fields):
    """Loss, random origins and decoder agree: a sixteenth of the width separates touching nuclei."""
    sample = next(iter(datasets.create("sample").samples("train")))
    method = create(fit_steps=5)
    image = torch.from_numpy(method.normalize(sample.image)[:96, :96].copy())[None, None]
    labels = np.unique(sample.labels[:96, :96], return_inverse=True)[1].reshape(1, 96, 96).astype(np.int32)
    torch.manual_seed(0)
    network = HarmonicUNet(12, True, 2, filters=8)
    method.prepare(network, list(labels))
    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-3)
    for _ in range(60):
        losses = method.losses(network.train()(image), labels, 0.0)
        optimiser.zero_grad()
        losses["loss"].backward()
        optimiser.step()
    with torch.inference_mode():
        found = method.postprocess(method.scores(network.eval()(image))[0].numpy())
    assert metrics.pq(labels[0], found) > 0.5


@pytest.mark.parametrize("preset", SPEC.presets)
def test_presets_are_options_that_exist(preset):
    assert dataclasses.asdict(create(preset).options)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("guides", 6),
        ("periods", (100.0, 50.0)),
        ("epsilon", 0.0),
        ("bandwidth", -1.0),
        ("bandwidth", float("nan")),
        ("join_contact", 1.5),
        ("min_size", -1),
    ],
)
def test_impossible_options_are_named(option, value):
    with pytest.raises(UsageError, match=f"options.{option} is"):
        create(**{option: value})
