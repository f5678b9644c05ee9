"""Seeded splits: exact sizes, groups kept together, and the same for ever."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcrbench.datasets.splitting import seeded_split
from fcrbench.errors import DataError, UsageError


def test_fixed_for_ever():
    """Written down once: a change here would change everybody's validation fields."""
    ids = [f"field-{i}" for i in range(10)]
    assert seeded_split(ids, 0.3, 0)["val"] == ("field-1", "field-6", "field-9")
    assert seeded_split(reversed(ids), 0.3, 0) == seeded_split(ids, 0.3, 0)
    assert seeded_split(ids, 0.3, 1)["val"] != seeded_split(ids, 0.3, 0)["val"]


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=30),
    fraction=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_partition_of_whole_groups(sizes, fraction, seed):
    ids = [f"{g}/{i}" for g, size in enumerate(sizes) for i in range(size)]
    split = seeded_split(ids, fraction, seed, group=lambda id_: id_.partition("/")[0])
    assert sorted([*split["train"], *split["val"]]) == sorted(ids)
    groups = [{id_.partition("/")[0] for id_ in part} for part in split.values()]
    assert not groups[0] & groups[1]
    if 0 < fraction < 1:
        assert split["train"]
        assert split["val"]
    else:
        assert not split["val" if fraction == 0 else "train"]


@given(n=st.integers(2, 60), fraction=st.floats(0.01, 0.99))
def test_size_without_groups(n, fraction):
    split = seeded_split(map(str, range(n)), fraction, 0)
    assert len(split["val"]) == min(max(round(n * fraction), 1), n - 1)


def test_refusals():
    with pytest.raises(UsageError, match=r"val_fraction is 1\.5"):
        seeded_split(["a", "b"], 1.5, 0)
    with pytest.raises(DataError, match="at least two"):
        seeded_split(["a"], 0.5, 0)
