"""Mean shift against its definition, of whole images and by component."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcrbench import datasets
from fcrbench.postprocess import label
from fcrbench_baselines.mean_shift.decode import cluster


def naive_mean_shift(pixels, bandwidth):
    """Cluster numbers of (n, E) points, by the definition."""
    clusters = np.zeros(len(pixels), int)
    while (clusters == 0).any():
        free = np.flatnonzero(clusters == 0)
        centre = pixels[free[0]]
        while True:
            near = np.linalg.norm(pixels[free] - centre, axis=1) <= bandwidth
            mean = pixels[free[near]].mean(axis=0)
            if np.allclose(mean, centre, rtol=0, atol=1e-12):
                break
            centre = mean
        clusters[free[near]] = clusters.max() + 1
    return clusters


def same_partition(a, b):
    pairs = {(x, y) for x, y in zip(np.ravel(a), np.ravel(b), strict=True)}
    return len(pairs) == len({x for x, _ in pairs}) == len({y for _, y in pairs})


class TestMeanShift:
    @given(
        st.integers(0, 2**32 - 1),
        st.integers(1, 17),
        st.integers(0, 6),
        st.sampled_from([0.02, 0.1, 0.3]),
        st.sampled_from([0.3, 0.5, 1.5]),
    )
    @settings(max_examples=60)
    def test_equals_the_definition(self, seed, dimensions, n_objects, noise, bandwidth):
        rng = np.random.default_rng(seed)
        means = rng.normal(size=(n_objects + 1, dimensions))
        embedding = means[rng.integers(n_objects + 1, size=(12, 17))]
        embedding = (
            (embedding + rng.normal(size=embedding.shape) * noise).transpose(2, 0, 1).astype(np.float32)
        )
        foreground = rng.random((12, 17)) < 0.7
        ours = cluster(embedding, foreground, bandwidth)
        assert ((ours > 0) == foreground).all()
        assert same_partition(
            ours[foreground], naive_mean_shift(embedding[:, foreground].T.astype(float), bandwidth)
        )

    def test_equals_the_definition_on_a_real_field(self):
        labels = next(iter(datasets.create("sample").samples("val"))).labels[:160, :200]
        rng = np.random.default_rng(0)
        means = rng.normal(size=(labels.max() + 1, 16))
        embedding = (means[labels] + rng.normal(size=(160, 200, 16)) * 0.1).transpose(2, 0, 1)
        embedding = embedding.astype(np.float32)
        foreground = labels > 0
        naive = naive_mean_shift(embedding[:, foreground].T.astype(float), 0.5)
        assert same_partition(cluster(embedding, foreground, 0.5)[foreground], naive)

    def test_a_seed_that_its_centre_leaves_is_clustered_later(self):
        # From 0 the centre goes to the many at 0.9 and on: the seed ends up outside the bandwidth.
        line = np.array([0.0] + [0.9] * 5 + [1.6] * 20, np.float32).reshape(1, 1, -1)
        ours = cluster(line, np.ones((1, 26), bool), 1.0)
        assert same_partition(ours, naive_mean_shift(line.reshape(-1, 1).astype(float), 1.0))
        assert ours.max() == 2

    def test_no_foreground(self):
        empty = np.zeros((9, 11), bool)
        for by_component in (False, True):
            embedding = np.zeros((4, 9, 11), np.float32)
            assert not cluster(embedding, empty, by_component=by_component, join_contact=0.3).any()

    def test_refuses_what_it_cannot_cluster(self):
        embedding, foreground = np.zeros((4, 9, 11), np.float32), np.ones((9, 11), bool)
        with pytest.raises(ValueError, match=r"expected embedding \(E, H, W\)"):
            cluster(embedding, foreground.T)
        with pytest.raises(ValueError, match="bandwidth: expected a positive number, found 0"):
            cluster(embedding, foreground, 0)
        with pytest.raises(ValueError, match=r"contact: expected a share of the edge.*found 1.5"):
            cluster(embedding, foreground, join_contact=1.5)
        embedding[2, 3, 4] = np.nan
        with pytest.raises(ValueError, match="finite"):
            cluster(embedding, foreground)


class TestByComponent:
    def test_objects_far_apart_may_share_an_embedding_and_touching_ones_may_not(self):
        labels = np.zeros((20, 40), np.int32)
        labels[2:8, 2:8], labels[2:8, 8:14], labels[2:8, 30:36] = 1, 2, 3
        embedding = np.array([0.0, 0.0, 3.0, 0.0], np.float32)[labels][None]
        foreground = labels > 0
        assert same_partition(cluster(embedding, foreground, by_component=True), labels)
        assert cluster(embedding, foreground).max() == 2  # the paper's: 1 and 3 are one object

    def test_a_rim_between_two_means_joins_the_object_it_lies_on(self):
        labels = np.zeros((20, 40), np.int32)
        labels[2:8, 2:8], labels[2:8, 8:14] = 1, 2
        embedding = np.array([0.0, 0.0, 3.0], np.float32)[labels][None]
        embedding[0, 2:8, 7], embedding[0, 5, 8] = 1.2, 1.8
        foreground = labels > 0
        assert cluster(embedding, foreground, by_component=True).max() == 4
        assert same_partition(cluster(embedding, foreground, by_component=True, join_contact=0.3), labels)

    @given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3]))
    @settings(max_examples=40)
    def test_instances_are_connected_and_inside(self, seed, join_contact):
        rng = np.random.default_rng(seed)
        foreground = rng.random((24, 30)) < 0.8
        embedding = np.repeat(np.repeat(rng.normal(size=(3, 6, 6)), 4, axis=1), 5, axis=2).astype(np.float32)
        found = cluster(embedding, foreground, 0.5, by_component=True, join_contact=join_contact)
        components, _ = label(foreground)
        for i in range(1, found.max() + 1):
            assert label(found == i)[1] == 1
            assert len(np.unique(components[found == i])) == 1
        assert (found[~foreground] == 0).all()

    @given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.4]), st.sampled_from([0.3, 0.7, 1.5]))
    @settings(max_examples=40)
    def test_each_component_is_clustered_by_the_definition(self, seed, noise, bandwidth):
        rng = np.random.default_rng(seed)
        embedding = np.repeat(np.repeat(rng.normal(size=(4, 4, 4)), 4, axis=1), 5, axis=2)
        embedding = (embedding + rng.normal(size=embedding.shape) * noise).astype(np.float32)
        components, n = label(rng.random(embedding.shape[1:]) < 0.6)
        expected = np.zeros(components.shape, int)
        for i in range(1, n + 1):
            inside = components == i
            clusters = naive_mean_shift(embedding[:, inside].T.astype(float), bandwidth)
            expected[inside] = clusters + expected.max()
        expected, _ = label(expected)
        assert same_partition(cluster(embedding, components > 0, bandwidth, by_component=True), expected)
