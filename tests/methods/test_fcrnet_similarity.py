"""Eq. 1 in all its interpretations, compared with explicit sums over objects, pixels and neighbours."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fcrbench import methods
from fcrbench.methods.fcrnet.loss import SimilarityLoss, power_normalise
from fcrbench.methods.fcrnet.targets import find_objects

CPU = torch.device("cpu")
READINGS = list(itertools.product(("cosine", "dot"), ("pixels", "pairs", "objects"), ("objects", "pairs")))
DISTANCE = 3


def h_of(shape, seed, alpha=2):
    e = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return power_normalise(e, alpha)


def g(similarity, a, b):
    product = float(np.dot(a, b))
    return product / (np.linalg.norm(a) * np.linalg.norm(b)) if similarity == "cosine" else product


def near(first, second):
    """Whether two sets of pixels have two that are at most DISTANCE apart."""
    return any(np.hypot(*(p - q)) <= DISTANCE for p in first for q in second)


def by_definition(h, labels, similarity, intra_mean, inter_mean):
    """Eq. 1 of one image: h (K, H, W), labels (H, W)."""
    places = {i: np.argwhere(labels == i) for i in np.unique(labels)}  # the background is an object
    pixels = {i: [h[:, y, x] for y, x in place] for i, place in places.items()}
    alike, counts = [], []
    for vectors in pixels.values():
        n = len(vectors)
        alike.append(np.mean([g(similarity, a, b) for a in vectors for b in vectors]))
        counts.append({"pixels": n, "pairs": n * n, "objects": 1}[intra_mean])
    intra = 1 - np.average(alike, weights=counts)

    mu = {i: np.mean(vectors, axis=0) for i, vectors in pixels.items()}
    neighbours = {i: [j for j in mu if i != j and (0 in (i, j) or near(places[i], places[j]))] for i in mu}
    if inter_mean == "objects":  # 1/M sum_i 1/|N(i)| sum_j g(mu_i, mu_j)
        each = [
            sum(g(similarity, mu[i], mu[j]) for j in found) / len(found) if found else 0.0
            for i, found in neighbours.items()
        ]
    else:
        each = [g(similarity, mu[i], mu[j]) for i in mu for j in neighbours[i] if i < j]
    return intra, float(np.mean(each)) if each else 0.0


def images(seed, n=3, side=9):
    """Label images of squares that touch, lie near or far; some without background or without objects."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((n, side, side), np.int32)
    for image in labels:
        blocks = rng.integers(0, 4, (3, 3)) * (rng.random((3, 3)) < rng.choice([0.0, 0.4, 1.0]))
        image[...] = np.kron(np.unique(blocks, return_inverse=True)[1].reshape(3, 3), np.ones((3, 3)))
        if rng.random() < 0.5:
            image[image == image.max()] = 0  # else blocks of every id, at times no background
        elif blocks.min() > 0:
            image += 1
        image[...] = np.unique(np.append(0, image), return_inverse=True)[1][1:].reshape(side, side)
    return labels


@pytest.mark.parametrize(("similarity", "intra_mean", "inter_mean"), READINGS)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_loss_is_equation_1_written_down(similarity, intra_mean, inter_mean, seed):
    labels = images(seed)
    h = h_of((len(labels), 4, *labels.shape[1:]), seed)
    terms = SimilarityLoss(2.5, similarity, intra_mean, inter_mean)(h, find_objects(labels, DISTANCE, CPU))
    expected = np.mean(
        [
            by_definition(h[b].double().numpy(), labels[b], similarity, intra_mean, inter_mean)
            for b in range(len(labels))
        ],
        axis=0,
    )
    assert terms["intra"].item() == pytest.approx(expected[0], abs=1e-5)
    assert terms["inter"].item() == pytest.approx(expected[1], abs=1e-5)
    assert terms["loss"].item() == pytest.approx(expected[0] + 2.5 * expected[1], abs=1e-5)


def test_the_oracle_sees_every_kind_of_image():
    found = [image for seed in range(40) for image in images(seed)]
    assert any(image.min() > 0 for image in found)
    assert any(image.max() == 0 for image in found)
    assert any(image.min() == 0 and image.max() > 2 for image in found)


@pytest.mark.parametrize(("similarity", "intra_mean", "inter_mean"), READINGS)
def test_a_batch_costs_the_mean_of_its_images(similarity, intra_mean, inter_mean):
    loss = SimilarityLoss(4.0, similarity, intra_mean, inter_mean)
    labels = np.concatenate([images(seed) for seed in (1, 2)])
    h = h_of((len(labels), 4, *labels.shape[1:]), 0)
    whole = loss(h, find_objects(labels, DISTANCE, CPU))
    for term, value in whole.items():
        alone = [
            loss(h[b : b + 1], find_objects(labels[b : b + 1], DISTANCE, CPU))[term]
            for b in range(len(labels))
        ]
        torch.testing.assert_close(value, torch.stack(alone).mean())
    twice = loss(torch.cat([h, h]), find_objects(np.concatenate([labels, labels]), DISTANCE, CPU))
    torch.testing.assert_close(twice["loss"], whole["loss"])


def test_a_crowd_does_not_outweigh_a_lone_object():
    """Three objects in a row and one apart, one pixel each: known shares of Eq. 1's second term."""
    labels = np.zeros((1, 4, 12), np.int32)
    labels[0, 1, [0, 2, 4, 11]] = [1, 2, 3, 4]  # N(1) = {0, 2}, N(2) = {0, 1, 3}, N(3) = {0, 2}, N(4) = {0}
    h = torch.zeros(1, 3, 4, 12)
    h[:, 0] = 1
    h[0, :, 1, [0, 2]] = torch.tensor([0.0, 1, 0])[:, None]  # 1 and 2 have the same colour
    h[0, :, 1, [4, 11]] = torch.tensor([0.0, 0, 1])[:, None]
    objects = find_objects(labels, 2, CPU)
    inter = {
        mean: SimilarityLoss(1.0, "cosine", "pixels", mean)(h, objects)["inter"].item()
        for mean in ("objects", "pairs")
    }
    assert inter["objects"] == pytest.approx((1 / 2 + 1 / 3) / 5)  # of objects 1 and 2, five with background
    assert inter["pairs"] == pytest.approx(1 / 6)  # one of 1-2, 2-3 and four with the background


def test_a_cosine_does_not_see_how_sure_a_pixel_is():
    """Between one colour and another, the cosine is what the dot product is for pixels that are sure."""
    labels = np.ones((1, 4, 4), np.int32)
    h = torch.full((1, 2, 4, 4), 0.5)
    objects = find_objects(labels, 2, CPU)
    assert SimilarityLoss(1.0, "cosine", "pixels", "objects")(h, objects)["intra"].item() == pytest.approx(
        0, abs=1e-6
    )
    assert SimilarityLoss(1.0, "dot", "pixels", "objects")(h, objects)["intra"].item() == pytest.approx(0.5)


@pytest.mark.parametrize("preset", ["paper", "authors"])
def test_the_presets_take_the_reading_they_are_named_after(preset):
    labels = images(3)
    output = torch.randn((3, 4, 9, 9), generator=torch.Generator().manual_seed(0))
    reading, weight = (
        (("cosine", "pixels", "objects"), 1) if preset == "paper" else (("dot", "pixels", "pairs"), 4)
    )
    method = methods.create("fcrnet", preset, neighbour_distance=DISTANCE)
    h = power_normalise(output, 8).double().numpy()
    terms = np.mean([by_definition(h[b], labels[b], *reading) for b in range(3)], axis=0)
    assert method.losses(output, labels, 0.99)["loss"].item() == pytest.approx(
        terms[0] + weight * terms[1], abs=1e-5
    )
