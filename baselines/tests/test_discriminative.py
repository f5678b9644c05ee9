"""Discriminative Loss against its definition: network size, loss and gradient, real fields."""

import numpy as np
import pytest
import torch

from fcrbench import datasets, metrics
from fcrbench.errors import UsageError
from fcrbench.postprocess import remove_small
from fcrbench.testing import MethodTests
from fcrbench_baselines.discriminative.loss import DiscriminativeLoss, foreground_loss
from fcrbench_baselines.discriminative.method import Discriminative
from fcrbench_baselines.discriminative.model import ReSeg
from fcrbench_baselines.discriminative.spec import SPEC, DiscriminativeOptions


@pytest.fixture(scope="module")
def fields():
    return list(datasets.create("sample").samples("val"))[:2]


def parameters(network):
    return sum(p.numel() for p in network.parameters())


class TestNetwork:
    def test_has_the_size_of_table_1(self):
        assert parameters(ReSeg()) == 2_670_898
        assert parameters(ReSeg(batch_norm=True)) == 2_670_898 + 1_152
        assert abs(parameters(Discriminative(DiscriminativeOptions()).build()) / 2.6e6 - 1) < 0.03

    @pytest.mark.parametrize("batch_norm", [False, True])
    def test_any_multiple_of_the_stride_and_gradients_everywhere(self, batch_norm):
        torch.manual_seed(0)
        network = ReSeg(5, batch_norm).to(memory_format=torch.channels_last)
        image = torch.randn(2, 1, 20, 36)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = network(image)
        assert out.shape == (2, 7, 20, 36)
        assert out.dtype == torch.float32
        out.square().sum().backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())

    def test_a_pixel_sees_the_whole_image(self):
        torch.manual_seed(0)
        image = torch.randn(1, 1, 32, 48, requires_grad=True)
        ReSeg(4)(image)[0, :, 0, 0].sum().backward()
        assert image.grad[0, 0, 28:, 44:].abs().max() > 0


def naive_loss(embedding, labels, pull_margin=0.5, push_margin=1.5):
    """Eqs. 1-3 with one Python loop a sum; embedding (B, E, H, W), labels (B, H, W)."""
    pull = push = reg = embedding.sum() * 0
    for x, image in zip(embedding, labels, strict=True):
        ids = [i for i in np.unique(image) if i > 0]
        means = {}
        for i in ids:
            pixels = [x[:, y, z] for y, z in np.argwhere(image == i)]
            means[i] = sum(pixels) / len(pixels)
            per_pixel = [((means[i] - p).norm() - pull_margin).clamp_min(0) ** 2 for p in pixels]
            pull = pull + sum(per_pixel) / len(pixels) / len(ids)
            reg = reg + means[i].norm() / len(ids)
        for a in ids:
            for b in ids:
                if a != b:
                    gap = (2 * push_margin - (means[a] - means[b]).norm()).clamp_min(0)
                    push = push + gap**2 / (len(ids) * (len(ids) - 1))
    n = len(embedding)
    return pull / n, push / n, reg / n


class TestLoss:
    @pytest.mark.parametrize(
        "counts",
        [(3, 5), (0, 4), (1, 2), (1, 1), (0, 0), (7,)],
        ids=lambda counts: "-".join(map(str, counts)),
    )
    def test_equals_the_definition_with_its_gradient(self, counts):
        rng = np.random.default_rng(sum(counts))
        labels = np.stack([rng.permutation(np.arange(48) % (n + 1)).reshape(6, 8) for n in counts]).astype(
            np.int32
        )
        start = rng.normal(size=(len(counts), 4, 6, 8))
        ours = torch.tensor(start, dtype=torch.float32, requires_grad=True)
        terms = DiscriminativeLoss()(ours, labels)
        terms["loss"].backward()
        true = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        pull, push, reg = naive_loss(true, labels)
        total = pull + push + 0.001 * reg
        total.backward()
        for name, value in {"pull": pull, "push": push, "reg": reg, "loss": total}.items():
            assert terms[name].item() == pytest.approx(value.item(), rel=1e-5, abs=1e-7), name
        np.testing.assert_allclose(ours.grad.numpy(), true.grad.numpy(), rtol=1e-4, atol=1e-6)

    def test_is_nothing_but_the_norm_where_objects_are_tight_and_apart(self):
        labels = np.repeat(np.arange(3, dtype=np.int32), 4).reshape(1, 3, 4)
        embedding = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])[torch.from_numpy(labels).long()]
        terms = DiscriminativeLoss()(embedding.permute(0, 3, 1, 2), labels)
        assert terms["loss"].item() == pytest.approx(0.001 * 4)

    def test_the_published_margins(self):
        # Two objects of one pixel at distance 1: push (3 - 1)^2; two pixels at distance 2: pull (1 - 0.5)^2.
        at = torch.tensor([[0.0, 1.0]]).reshape(1, 1, 1, 2)
        assert DiscriminativeLoss()(at, np.array([[[1, 2]]], np.int32))["push"].item() == pytest.approx(4)
        assert DiscriminativeLoss()(2 * at, np.array([[[1, 1]]], np.int32))["pull"].item() == pytest.approx(
            0.25
        )

    def test_three_hundred_objects_and_equal_means_stay_finite(self):
        labels = np.arange(1, 1201, dtype=np.int32).reshape(1, 30, 40) // 4
        labels = np.concatenate([labels, np.minimum(labels, 1)])
        embedding = torch.zeros(2, 8, 30, 40, requires_grad=True)
        terms = DiscriminativeLoss()(embedding, labels)
        terms["loss"].backward()
        # All 300 means coincide in the first image, the second has one object: (9 + 0) / 2.
        assert terms["push"].item() == pytest.approx(4.5, rel=1e-4)
        assert bool(torch.isfinite(embedding.grad).all())

    def test_foreground_is_cross_entropy_over_all_pixels(self):
        logits = torch.tensor([[[[2.0, 0.0]], [[0.0, 1.0]]]])
        labels = np.array([[[0, 7]]], np.int32)
        expected = (np.log1p(np.exp(-2)) + np.log1p(np.exp(-1))) / 2
        assert foreground_loss(logits, labels).item() == pytest.approx(expected, rel=1e-6)


def truth_embedding(labels, dimensions, noise, seed=0):
    """An embedding (E, H, W) as the loss wants it: means of objects 3 apart, pixels within `noise`."""
    rng = np.random.default_rng(seed)
    means = [np.zeros(dimensions)]
    while len(means) <= labels.max():
        new = rng.normal(size=dimensions) * 2.5
        if min(np.linalg.norm(new - mean) for mean in means) >= 3:
            means.append(new)
    spread = rng.normal(size=(*labels.shape, dimensions))
    spread *= rng.uniform(0, noise, size=labels.shape)[..., None] / np.linalg.norm(
        spread, axis=-1, keepdims=True
    )
    return (np.array(means)[labels] + spread).transpose(2, 0, 1).astype(np.float32)


class TestDecoding:
    # Joining fragments costs the default a few true nuclei that lie on a larger one.
    @pytest.mark.parametrize(("preset", "least"), [("default", 0.95), ("paper", 0.98)])
    def test_perfect_embeddings_give_the_truth_of_real_fields(self, preset, least, fields):
        method = Discriminative(DiscriminativeOptions(**SPEC.presets[preset].options))
        for field in fields:
            scores = np.concatenate(
                [
                    np.where(field.labels > 0, -1, 1)[None] * np.float32([[[5]], [[-5]]]),
                    truth_embedding(field.labels, 32, noise=0.4),
                ]
            ).astype(np.float32)
            truth = remove_small(field.labels, method.options.min_size)
            assert metrics.pq(truth, method.postprocess(scores)) > least


class TestDiscriminative(MethodTests):
    method = "discriminative"
    step_waits = 1
    image_waits = 1

    @pytest.mark.parametrize(
        "options",
        [
            {"dimensions": 0},
            {"bandwidth": 0.0},
            {"push_margin": -1.0},
            {"min_size": -1},
            {"join_contact": 1.5},
        ],
    )
    def test_bad_options_are_named(self, options):
        with pytest.raises(UsageError, match=next(iter(options))):
            DiscriminativeOptions(**options)
