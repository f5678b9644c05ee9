"""FCRNet: its size, its losses against their definitions, and its numerical safety."""

import dataclasses

import numpy as np
import pytest
import torch

from fcrbench import methods
from fcrbench.errors import UsageError
from fcrbench.methods.fcrnet.grow import grow
from fcrbench.methods.fcrnet.loss import (
    ColoringLoss,
    SimilarityLoss,
    object_means,
    power_normalise,
)
from fcrbench.methods.fcrnet.targets import find_objects

CPU = torch.device("cpu")


def parameters(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(("colors", "expected"), [(3, 2_746_595), (4, 2_746_740), (10, 2_747_610)])
@pytest.mark.parametrize("preset", ["paper", "authors"])  # a ReLU has no parameters
def test_the_network_has_the_papers_2_7_million_parameters(preset, colors, expected):
    assert parameters(methods.create("fcrnet", preset, colors=colors).build()) == expected


def test_the_default_network_adds_only_batch_normalisation():
    assert parameters(methods.create("fcrnet").build()) == 2_746_740 + 1952


@pytest.mark.parametrize("colors", [3, 4, 10])
def test_output_has_a_channel_per_color_at_the_size_of_the_image(colors):
    network = methods.create("fcrnet", colors=colors).build().eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 1, 32, 48)).shape == (2, colors, 32, 48)


def test_a_grown_network_computes_what_the_smaller_one_does():
    torch.manual_seed(0)
    trained = methods.create("fcrnet", filters=(4, 6, 8, 8, 12)).build()
    for module in trained.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # as after a training
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.normal_(module.weight)
    larger = methods.create("fcrnet", filters=(6, 6, 12, 9, 20)).build()
    grow(trained, larger)
    image = embedding((2, 1, 48, 32))
    with torch.inference_mode():
        torch.testing.assert_close(larger.eval()(image), trained.eval()(image))
    larger.train()(image).square().mean().backward()
    assert all(p.grad.abs().max() > 0 for p in larger.parameters())
    with pytest.raises(ValueError, match=r"at least \[6, 6, 12, 9, 20\], found \[4, 6, 8, 8, 12\]"):
        grow(larger, trained)


def test_other_channels_are_told_apart():
    for filters in ((16, 32, 64, 128), (16, 32, 64, 128, 0)):
        with pytest.raises(UsageError, match=r"options.filters is .*; expected five numbers of channels"):
            methods.create("fcrnet", filters=filters)


@pytest.fixture
def labels():
    """Two images: three objects of which two are 2 px apart, and one without any object."""
    image = np.zeros((2, 24, 24), np.int32)
    image[0, 2:8, 2:8] = 1
    image[0, 2:8, 9:14] = 2
    image[0, 20:23, 20:23] = 3
    return image


def embedding(shape, seed=0, scale=1.0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * scale


def test_power_normalisation_is_equation_4():
    e = embedding((2, 4, 5, 5)).double()
    for alpha in (2, 4, 6, 8):
        expected = e**alpha / (e**alpha).sum(dim=1, keepdim=True)
        torch.testing.assert_close(power_normalise(e, alpha).double(), expected, rtol=1e-5, atol=1e-7)


def test_a_perfect_coloring_costs_nothing(labels):
    color = np.array([0, 1, 2, 1])
    target = torch.from_numpy(color[labels])
    h = torch.nn.functional.one_hot(target, 4).permute(0, 3, 1, 2).float()
    objects = find_objects(labels, 5, CPU)
    for similarity in ("cosine", "dot"):
        loss = SimilarityLoss(1.0, similarity, "pixels", "objects")
        assert loss(h, objects)["loss"].item() == pytest.approx(0, abs=1e-6)
    assert ColoringLoss(1.0)(40 * h, objects)["loss"].item() == pytest.approx(0, abs=1e-6)


def test_a_permuted_coloring_costs_the_same(labels):
    """No colour is right by itself: only the background's is fixed, when none is preferred."""
    loss = ColoringLoss(1.0, color_cost=0)
    logits = embedding((2, 4, 24, 24), scale=3)
    objects = find_objects(labels, 5, CPU)
    for order in ([0, 2, 3, 1], [0, 3, 2, 1]):
        permuted = loss(logits[:, order], objects)["loss"]
        torch.testing.assert_close(permuted, loss(logits, objects)["loss"])


def test_where_nothing_is_known_lone_objects_take_the_first_color(labels):
    objects = find_objects(labels, 5, CPU)
    target = ColoringLoss(1.0).target(torch.zeros(2, 4, 24, 24).log_softmax(dim=1), objects).numpy()[0]
    np.testing.assert_array_equal(target, np.array([0, 1, 2, 1])[labels[0]])


def test_the_coloring_target_is_valid_and_keeps_background(labels):
    objects = find_objects(labels, 5, CPU)
    target = ColoringLoss(1.0).target(embedding((2, 4, 24, 24)).log_softmax(dim=1), objects).numpy()
    assert (target[labels == 0] == 0).all()
    colors = [set(target[0][labels[0] == i]) for i in (1, 2, 3)]
    assert all(len(c) == 1 and c != {0} for c in colors)
    assert colors[0] != colors[1]


def test_neighbours_are_counted_once_each_and_the_background_apart(labels):
    objects = find_objects(labels, 5, CPU)
    assert objects.pairs.T.tolist() == [[1, 2]]
    assert objects.background_pairs.T.tolist() == [[0, 1], [0, 2], [0, 3]]


def test_object_means_are_means(labels):
    values = embedding((2, 4, 24, 24))
    mean, size = object_means(values, find_objects(labels, 5, CPU))
    expected = values[0][:, torch.from_numpy(labels[0] == 2)].mean(dim=1)
    torch.testing.assert_close(mean[2], expected)
    assert size[2] == 30


@pytest.mark.parametrize("preset", ["default", "paper", "authors"])
@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e-3, 1.0, 1e4, 1e18])
def test_loss_and_gradient_are_finite_at_any_scale_of_the_embedding(preset, scale, labels):
    method = methods.create("fcrnet", preset)
    for progress in (0.0, 0.99):
        for dtype in (torch.float32, torch.bfloat16):
            output = embedding((2, 4, 24, 24), scale=scale).to(dtype).requires_grad_()
            loss = method.losses(output, labels, progress)["loss"]
            loss.backward()
            assert torch.isfinite(loss)
            assert torch.isfinite(output.grad).all()


@pytest.mark.parametrize("preset", ["default", "paper", "authors"])
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("autocast", [False, True])
def test_training_stays_finite_where_a_plain_power_explodes(preset, seed, autocast):
    """Learning rate 1e-3 without warm-up: the scale of the power's input is free to grow."""
    torch.manual_seed(seed)
    method = methods.create("fcrnet", preset)
    network = method.build()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    rng = np.random.default_rng(seed)
    for step in range(12):
        labels = rng.integers(0, 5, (2, 32, 32)).astype(np.int32) * (rng.random((2, 32, 32)) < 0.3)
        images = torch.from_numpy(labels[:, None] % 2 + rng.normal(size=(2, 1, 32, 32))).float()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            output = network(images)
        loss = method.losses(output, labels.astype(np.int32), step / 12)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        assert torch.isfinite(loss)
    assert all(torch.isfinite(p).all() for p in network.parameters())


@pytest.mark.parametrize(
    ("preset", "stages"),
    [("paper", [(80, 2), (160, 2), (240, 4), (320, 6), (600, 8)]),  # a change "after every 80 epochs"
     ("authors", [(120, 2), (240, 2), (360, 4), (480, 6), (600, 8)])],  # five stages of equal length
)  # fmt: skip
def test_alpha_rises_by_the_epoch(preset, stages):
    method = methods.create("fcrnet", preset)
    steps = 151  # of 604 fields, four a step
    for epoch in range(600):
        expected = next(alpha for end, alpha in stages if epoch < end)
        for step in (0, steps - 1):
            assert method.alpha((epoch * steps + step) / (600 * steps)) == expected


def test_postprocess_turns_colors_into_instances():
    scores = np.zeros((4, 40, 40), np.float32)
    scores[0] = 1
    scores[1, 2:12, 2:12] = 4
    scores[2, 6:16, 12:22] = 4  # touches the first, another colour
    scores[1, 25:35, 25:35] = 4
    scores[2, 32:35, 25:35] = 4  # a change of colour within one: more than a quarter of its edge
    scores[3, 37, 37] = 4  # smaller than min_size
    scores[3, 20:24, 30:34] = 3  # the network is not sure of it
    scores[3, :4, 30:34] = 4  # cut by the border
    labels = methods.create("fcrnet").postprocess(scores)
    assert labels.dtype == np.int32
    assert [int((labels == i).sum()) for i in range(4)] == [1600 - 300, 100, 100, 100]


def test_colors_that_meet_at_a_corner_are_one_instance_where_asked_for():
    scores = np.zeros((4, 40, 40), np.float32)
    scores[0] = 1
    scores[1, 5:15, 5:15] = scores[1, 15:25, 15:25] = 4
    found = [methods.create("fcrnet", "paper", connectivity=c).postprocess(scores).max() for c in (1, 2)]
    assert found == [2, 1]


def test_the_papers_background_is_the_most_frequent_color():
    scores = np.zeros((4, 40, 40), np.float32)
    scores[2] = 3
    scores[0, 2:12, 2:12] = 4
    assert methods.create("fcrnet", "paper").postprocess(scores).max() == 1
    assert methods.create("fcrnet").postprocess(scores).max() == 1  # channel 2 around it is the instance


def test_unknown_names_are_refused_with_the_close_one():
    with pytest.raises(UsageError, match=r"did you mean 'fcrnet'"):
        methods.create("fcrnt")
    with pytest.raises(UsageError, match=r"did you mean 'colors'"):
        methods.create("fcrnet", colours=4)
    with pytest.raises(UsageError, match=r"known: default, paper, authors"):
        methods.create("fcrnet", "papr")
    with pytest.raises(UsageError, match=r"options.colors is 1; expected 2 to 256"):
        methods.create("fcrnet", colors=1)
    with pytest.raises(UsageError, match=r"options.alpha is \[\]; expected one or more even"):
        methods.create("fcrnet", alpha=())


def test_options_are_all_recorded():
    options = dataclasses.asdict(methods.create("fcrnet", colors=10).options)
    assert options["colors"] == 10
    assert set(options) >= {"loss", "alpha", "neighbour_distance", "min_size"}


def test_means_of_large_objects_keep_their_digits():
    """In float32 the sum of 2.25 million equal values is 2 % from it, and what is bright counts less."""
    labels = np.zeros((1, 1500, 1500), np.int32)
    labels[:, :3] = 1
    values = torch.full((1, 2, 1500, 1500), 0.1)
    values[:, 1] = torch.linspace(0, 1, 1500)
    found, size = object_means(values, find_objects(labels, 1, torch.device("cpu")))
    assert size.tolist() == [1497 * 1500, 3 * 1500]
    flat = values.double()
    expected = torch.stack([flat[0, :, 3:].mean(dim=(1, 2)), flat[0, :, :3].mean(dim=(1, 2))])
    torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=0)
