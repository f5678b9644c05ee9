"""The rules that all decoders share: what FCRNet's do to the same objects, and in the same order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from fcrbench import methods, postprocess
from fcrbench.errors import UsageError
from fcrbench.methods.options import CleaningOptions
from fcrbench_baselines.cleaning import clean_labels

TRAINED = ("dcan", "discriminative", "harmonic")


@given(
    st.integers(0, 10**6),
    st.integers(0, 12),
    st.integers(0, 30),
    st.sampled_from([0.0, 1.0, 2.2]),
    st.booleans(),
)
def test_they_are_those_of_postprocess_instances(seed, min_size, border_size, min_margin, fill_holes):
    """On two classes the margin of the foreground is the difference of both logits."""
    field = np.random.default_rng(seed).standard_normal((30, 41))
    evidence = (4 * ndimage.gaussian_filter(field, 1.5)).astype(np.float32)
    sure_size = 40 if min_margin else 100
    rules = CleaningOptions(min_size, border_size, min_margin, sure_size, fill_holes)
    expected = postprocess.instances(
        np.stack([np.zeros_like(evidence), evidence]),
        background=0,
        min_size=min_size,
        border_size=border_size,
        min_margin=min_margin,
        sure_size=sure_size,
        fill_holes=fill_holes,
    )
    labels, _ = postprocess.label(evidence > 0)
    np.testing.assert_array_equal(clean_labels(labels, evidence, rules), expected)


@pytest.mark.parametrize("method", TRAINED)
def test_all_trained_methods_have_the_defaults_of_fcrnet(method):
    """The table is level: one least size for all, that of FCRNet."""
    own, fcrnet = methods.create(method).options, methods.create("fcrnet").options
    for name in ("min_size", "border_size", "min_margin", "sure_size", "fill_holes"):
        assert getattr(own, name) == getattr(fcrnet, name)


@pytest.mark.parametrize("name", ["min_size", "border_size", "min_margin", "sure_size"])
def test_a_negative_value_is_named(name):
    with pytest.raises(UsageError, match=rf"options\.{name} is -1"):
        CleaningOptions(**{name: -1})
